#!/usr/bin/env bash
# Write requirements.lock from uv.lock: every third-party pin with its hashes, no addresses.
set -euo pipefail
cd "$(dirname "$0")/../.."
uv=$(command -v uv || echo .venv/bin/uv)
"$uv" export --quiet --format requirements-txt --all-packages --all-extras \
    --no-emit-workspace --no-header --no-annotate --output-file requirements.lock
