"""A server in somebody's hand: started, killed, frozen, started again."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from daybook_local.errors import StackError
from daybook_local.logs import tail
from daybook_local.processes import Command, Process


class Definition(Protocol):
    """What a server is: Kafka's or MongoDB's."""

    @property
    def address(self) -> str: ...
    def prepare(self) -> None: ...
    def command(self) -> Command: ...
    def wait_ready(self, alive: Callable[[], bool]) -> None: ...


class Server:
    """One server process at one address with one data folder, across restarts.

    The blocking methods end in `_now`; the others are theirs for tests that run in an
    event loop, which goes on meanwhile.
    """

    def __init__(self, definition: Definition, *, log: Path) -> None:
        self.address = definition.address
        self.log = log
        self._definition = definition
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """None while it is not running."""
        if self._process is None or self._process.returncode is not None:
            return None
        return self._process.pid

    def start_now(self) -> None:
        """Start it and return when it serves; `StackError` has its last words."""
        self._definition.prepare()
        process = Process(self._definition.command(), log=self.log)
        self._process = process
        try:
            self._definition.wait_ready(lambda: process.returncode is None)
        except StackError as error:
            process.kill()
            raise StackError(f"{error}\n{tail(self.log)}") from error

    def stop_now(self) -> None:
        """Stop it in good order; its data stays."""
        if self._process is not None:
            self.thaw()
            self._process.stop()

    def kill_now(self) -> None:
        """SIGKILL: it has no time to write anything down."""
        if self._process is not None:
            self._process.kill()

    def freeze(self) -> None:
        """It keeps its connections and answers nothing, until `thaw`."""
        if self._process is not None:
            self._process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self._process is not None:
            self._process.signal(signal.SIGCONT)

    async def start(self) -> None:
        """Start it again, same address, same data, and return when it serves."""
        await asyncio.to_thread(self.start_now)

    async def stop(self) -> None:
        await asyncio.to_thread(self.stop_now)

    async def kill(self) -> None:
        await asyncio.to_thread(self.kill_now)

    async def restart(self) -> None:
        """Stop in good order and start again, same address, same data."""
        await self.stop()
        await self.start()
