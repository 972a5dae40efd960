"""A stand-in for each process of the stack: `python stand_in.py NAME`.

It answers HTTP on its port with its environment, and appends what happens to it to the
journal that the test reads.
"""

import json
import os
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import FrameType

NAME = sys.argv[1]
JOURNAL = Path(os.environ["STAND_IN_JOURNAL"])


def note(what: str) -> None:
    with JOURNAL.open("a", encoding="utf-8") as file:
        file.write(f"{NAME} {what}\n")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        known = Path(os.environ["STAND_IN_KEYS"]).read_text("utf-8").split()
        key = (self.headers.get("authorization") or "").removeprefix("Bearer ")
        refused = self.path.startswith("/v1/") and key not in known
        self.send_response(401 if refused else 200)
        self.end_headers()
        self.wfile.write(json.dumps(dict(os.environ)).encode())

    def log_message(self, format: str, *args: object) -> None:
        sys.stderr.write(f"{format % args}\n")


def obey(_number: int, _frame: FrameType | None) -> None:
    note("stopped")
    if NAME in os.environ.get("STAND_IN_STUBBORN", ""):
        return
    sys.exit(0)


def main() -> None:
    signal.signal(signal.SIGTERM, obey)
    # A child of its own, which must not outlive the stack either.
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    note(f"started {os.getpid()}")
    sys.stdout.write(f"hello from {NAME}\n")
    port = os.environ.get(f"{NAME.upper()}_PORT")
    if NAME in os.environ.get("STAND_IN_BROKEN", ""):
        sys.exit("it is broken")
    if port is None:
        while True:
            signal.pause()
    HTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main()
