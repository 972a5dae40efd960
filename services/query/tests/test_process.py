"""The service as a process of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_service_serves_and_stops_in_order_within_seconds(
    mongodb_uri: str, tmp_path: Path, stop: signal.Signals
) -> None:
    log = tmp_path / "log"
    environment = {
        **os.environ,
        "MONGODB_URI": mongodb_uri,
        "DAYBOOK_PORT": "0",
        "DAYBOOK_SESSION_SECRET": "a secret of enough letters",
    }
    with (
        log.open("w") as output,
        subprocess.Popen(
            [sys.executable, "-m", "query"], stderr=output, env=environment
        ) as process,
    ):
        try:
            wait_for(lambda: "running on" in log.read_text())
            address = re.search(r"http://[0-9.:]+", log.read_text())
            assert address is not None
            ready = httpx.get(f"{address[0]}/readyz")
            openapi = httpx.get(f"{address[0]}/openapi.json")

            process.send_signal(stop)
            process.wait(timeout=5)
        finally:
            process.kill()

    assert (ready.status_code, openapi.status_code) == (200, 200)
    assert "Traceback" not in log.read_text()
    assert process.returncode == 0
