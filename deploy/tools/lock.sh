#!/usr/bin/env bash
# Resolve anew what checks images and manifests, each pin with its hashes, no addresses.
set -euo pipefail
cd "$(dirname "$0")"
uv=$(command -v uv || echo ../../.venv/bin/uv)
for name in checks go; do
    "$uv" pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate --no-emit-index-url --output-file "$name.lock" "$name.in"
done
