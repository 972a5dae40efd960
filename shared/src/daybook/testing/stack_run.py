"""A supervisor of many processes, as a test starts, watches and ends it."""

import json
import os
import signal
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import psutil

from daybook.testing.waiting import eventually

_MARK = "DAYBOOK_TEST_MARK"


class StackRun:
    """One `make run`, or a stand-in for it, with its state under ``folder``.

    Everything that it starts inherits a mark, by which what it left behind is found.
    """

    def __init__(
        self, argv: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> None:
        self.state = folder / "state"
        self._argv = argv
        self._output = folder / f"output-{uuid.uuid4().hex}"
        self._mark = uuid.uuid4().hex
        self._environment = {
            **os.environ,
            **environment,
            "DAYBOOK_STATE_DIR": str(self.state),
            _MARK: self._mark,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                self._argv,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        return self._started.pid

    @property
    def stack(self) -> dict[str, Any]:
        """What `stack.json` says now."""
        return cast("dict[str, Any]", json.loads(self.stack_file.read_text("utf-8")))

    @property
    def stack_file(self) -> Path:
        return self.state / "stack.json"

    @property
    def said(self) -> str:
        """What it wrote on the console so far."""
        return self._output.read_text("utf-8")

    def signal(self, number: signal.Signals) -> None:
        self._started.send_signal(number)

    def is_running(self) -> bool:
        return self._started.poll() is None

    def left_running(self) -> list[psutil.Process]:
        """It, if it still runs, and everything that it started, however indirectly."""
        found: list[psutil.Process] = []
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                mark = process.environ().get(_MARK)
                if mark == self._mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    async def up(self, within: float = 60.0) -> None:
        """Return once it says that everything answers."""

        def answers() -> bool:
            assert self.is_running(), self.said
            return self.stack_file.exists() and "Daybook is running" in self.said

        await eventually(answers, within)

    async def ended(self, within: float = 30.0) -> int:
        """Its exit code, once it has ended by itself."""
        await eventually(lambda: not self.is_running(), within)
        return self._started.returncode

    def end(self) -> None:
        """Kill whatever is left of it."""
        for process in self.left_running():
            # The supervisor's children end with it.
            with suppress(psutil.NoSuchProcess):
                process.kill()
        if self._process is not None:
            self._process.wait(30)

    @property
    def _started(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None, "it was not started"
        return self._process
