"""The example receiver as a process: started, asked, killed, started again."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import httpx
import orjson

from daybook.testing.waiting import eventually


class ReceiverRun:
    """One ``python -m receiver``, on the same port and ledger however often started.

    ``folder`` has its ledger and its file of secrets, which may change at any time.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.port = _free_port()
        self.secrets_file = folder / "secrets"
        self.ledger = folder / "ledger.ndjson"
        self._output = folder / "receiver-output"
        self._environment = {
            **os.environ,
            "RECEIVER_PORT": str(self.port),
            "RECEIVER_LEDGER": str(self.ledger),
            "RECEIVER_SECRETS_FILE": str(self.secrets_file),
            **environment,
        }
        scheme = "https" if environment.get("RECEIVER_TLS") else "http"
        self.http = httpx.AsyncClient(
            base_url=f"{scheme}://127.0.0.1:{self.port}",
            trust_env=False,
            verify=False,  # noqa: S501 - its certificate is bad on purpose
            limits=httpx.Limits(max_connections=None),
            timeout=30,
        )
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, path: str = "/hooks/ok") -> str:
        return f"{self.http.base_url}{path}"

    async def start(self) -> None:
        """Return once it answers."""
        self._process = await asyncio.to_thread(self._spawn)

        async def answers() -> bool:
            if self._started.poll() is not None:
                raise RuntimeError(f"the receiver ended: {self.said}")
            with suppress(httpx.TransportError):
                return (await self.http.get("/healthz")).is_success
            return False

        await eventually(answers, within=30)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal; the exit code once it has ended."""
        self._started.send_signal(number)
        return await asyncio.to_thread(self._started.wait, 30)

    async def close(self) -> None:
        """Kill it if it still runs."""
        await self.http.aclose()
        if self._process is not None:
            await self.end(signal.SIGKILL)

    @property
    def said(self) -> str:
        """What it wrote on the console, in all its lives."""
        return self._output.read_text("utf-8")

    async def entries(self, since: int = 0) -> list[dict[str, Any]]:
        """The ledger's lines after number ``since``."""
        answer = await self.http.get("/ledger", params={"since": since})
        # No str.splitlines: bodies may hold what it takes for line breaks.
        lines = answer.raise_for_status().content.split(b"\n")
        return [orjson.loads(line) for line in lines if line]

    async def summary(self) -> dict[str, Any]:
        """``total``, and ``webhooks`` by their id."""
        answer = await self.http.get("/ledger/summary")
        return cast("dict[str, Any]", orjson.loads(answer.raise_for_status().content))

    def _spawn(self) -> "subprocess.Popen[bytes]":
        with self._output.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "receiver"],
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def _started(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None, "it was not started"
        return self._process


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
