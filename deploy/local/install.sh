#!/usr/bin/env bash
# Fill .venv with what requirements.lock pins; bring uv along when the machine has none.
set -euo pipefail
cd "$(dirname "$0")/../.."

[ -x .venv/bin/python ] || "${PYTHON:-python3}" -m venv .venv
if ! uv=$(command -v uv); then
    uv=.venv/bin/uv
    [ -x "$uv" ] || .venv/bin/python -m pip install --quiet 'uv>=0.11,<1'
fi
export VIRTUAL_ENV=$PWD/.venv
# --inexact: uv itself lives in the same environment where the machine has none.
"$uv" pip install --quiet --require-hashes --requirement requirements.lock
# The workspace's own packages: editable, and nothing of theirs is resolved anew.
"$uv" pip install --quiet --no-deps \
    --editable shared --editable services/exporter --editable services/ingest \
    --editable services/query --editable services/task-tracker --editable services/webhook-dispatcher \
    --editable deploy/local --editable deploy/monitoring --editable examples/receiver --editable examples/shop
