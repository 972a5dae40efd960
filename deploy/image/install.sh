#!/usr/bin/env bash
# install.sh SERVICE PREFIX: put one service, and nothing that it does not need, into a
# virtual environment at PREFIX. The Dockerfile runs it; so do the tests, without Docker.
set -euo pipefail
service=$1 prefix=$2
cd "$(dirname "$0")/../.."

folder=services/$service
library='./shared[runtime]'
if [ ! -d "$folder" ]; then
    folder=examples/$service
    library=./shared
fi
if [ ! -f "$folder/pyproject.toml" ]; then
    echo "There is no service named '$service': say --build-arg SERVICE=ingest" >&2
    exit 1
fi

uv venv --quiet --python "${PYTHON:-python3}" "$prefix"
# The lock is a constraint: only what the service asks for is installed, in the versions
# that the tests ran with, and each file is held to the lock's hashes.
VIRTUAL_ENV=$prefix uv pip install --quiet --no-sources \
    --constraint requirements.lock "$library" "./$folder"
