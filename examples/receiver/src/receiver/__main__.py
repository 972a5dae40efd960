"""``python -m receiver``: the receiver on a port, its ledger in a file."""

import os
import ssl
import sys
from pathlib import Path

import uvicorn

from receiver.app import create_app
from receiver.ledger import Ledger, LedgerInUse
from receiver.server import OpenProtocol, self_signed
from receiver.verifying import Secrets


def main() -> None:
    environ = os.environ
    file = environ.get("RECEIVER_SECRETS_FILE")
    tls = environ.get("RECEIVER_TLS", "")
    if tls not in ("", "self-signed"):
        sys.exit("RECEIVER_TLS is self-signed, or nothing")
    secrets = Secrets(
        tuple(environ.get("RECEIVER_SECRETS", "").split()), Path(file) if file else None
    )
    try:
        ledger = Ledger(Path(environ.get("RECEIVER_LEDGER", "ledger.ndjson")))
    except (LedgerInUse, OSError, ValueError) as error:
        sys.exit(f"RECEIVER_LEDGER: {error}")
    uvicorn.run(
        create_app(ledger, secrets),
        host=environ.get("RECEIVER_HOST", "127.0.0.1"),
        port=int(environ.get("RECEIVER_PORT", "8082")),
        http=OpenProtocol,
        loop="asyncio",
        log_level="warning",
        ssl_context_factory=_self_signed if tls else None,
        timeout_graceful_shutdown=1,  # what hangs is not waited for
    )
    ledger.close()


def _self_signed(_config: object, _default: object) -> ssl.SSLContext:
    return self_signed()


if __name__ == "__main__":
    main()
