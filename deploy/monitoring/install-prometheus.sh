#!/usr/bin/env bash
# What the tests of alerts and dashboards drive: Debian's Prometheus, with promtool.
# Installed when missing and permitted.
set -euo pipefail
command -v prometheus >/dev/null && command -v promtool >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends prometheus >/dev/null
else
    echo "Missing: prometheus. Install this Debian package to run every test." >&2
fi
