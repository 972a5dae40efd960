#!/usr/bin/env bash
# Browser tests drive Debian's Chromium: installed when missing and permitted.
set -euo pipefail
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null
else
    echo "No chromium on PATH: install Debian's package 'chromium' to run the browser tests." >&2
fi
