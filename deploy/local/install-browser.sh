#!/usr/bin/env bash
# What the tests drive from outside Python: Debian's Chromium, and curl. Installed when
# missing and permitted.
set -euo pipefail
missing=()
for package in chromium curl; do
    command -v "$package" >/dev/null || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
    echo "Missing: ${missing[*]}. Install these Debian packages to run every test." >&2
fi
