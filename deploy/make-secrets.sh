#!/usr/bin/env bash
# Print new secrets, one NAME=VALUE a line. They are made once: with others, sessions end
# and what was sealed cannot be opened.
#   deploy/make-secrets.sh >> .env
#   deploy/make-secrets.sh | kubectl -n daybook create secret generic daybook \
#       --from-env-file=/dev/stdin
set -euo pipefail
random() { head -c 32 /dev/urandom | base64 | tr -d '\n'; }
# Signs sessions, sign-in links and the addresses of downloads.
echo "DAYBOOK_SESSION_SECRET=$(random)"
# Seals the secrets and headers of webhook endpoints.
echo "DAYBOOK_SEALING_KEYS=main:$(random)"
