"""One child process: started in a session of its own, logged, stopped by a deadline."""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from daybook_local.logs import Console, LogFile, Shown, pump

_LAUNCH = Path(__file__).with_name("launch.py")
_jobs: "queue.SimpleQueue[Callable[[], None]]" = queue.SimpleQueue()
_spawner_started = threading.Lock()
_spawner: threading.Thread | None = None


def everything(line: str) -> str | None:
    """Show every line on the console."""
    return line


def nothing(line: str) -> str | None:
    """Show no line on the console; the log file has them."""
    return None


@dataclass(frozen=True, slots=True)
class Command:
    """What to run. `grace_s`: how long it may take to stop before it is killed."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    cwd: Path | None = None
    grace_s: float = 15.0
    shown: Shown = everything


class Process:
    """A running command. It and all that it started end when this process ends.

    Whatever ends us, SIGKILL included, the kernel kills the child; a stop that we live
    to see also ends the child's own children, since it leads a process group.
    """

    def __init__(
        self, command: Command, *, log: Path, console: Console | None = None
    ) -> None:
        self.command = command
        self.log = log
        file = LogFile(log)
        environment = {**os.environ, **command.env}
        # Python would keep its lines to itself until a block is full.
        environment.setdefault("PYTHONUNBUFFERED", "1")
        launcher = [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid())]
        self._popen = in_spawner(
            lambda: subprocess.Popen(  # noqa: S603 - our own commands
                [*launcher, *command.argv],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=command.cwd,
                start_new_session=True,
            )
        )
        source = self._popen.stdout
        assert source is not None  # noqa: S101 - it was asked for
        self._pump = threading.Thread(
            target=pump,
            args=(source, file, self._show_on(console)),
            name=f"log of {command.name}",
            daemon=True,
        )
        self._pump.start()

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._popen.poll()

    def wait(self, within: float | None = None) -> int | None:
        """Its return code, or None if it still runs when the time is over."""
        try:
            return self._popen.wait(within)
        except subprocess.TimeoutExpired:
            return None

    def signal(self, number: signal.Signals) -> None:
        """Signal it and all that it started; nothing happens if all are gone."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            # PermissionError: macOS says so of a group of zombies.
            return

    def stop(self, hurry: threading.Event | None = None) -> int:
        """SIGTERM, wait, SIGKILL. Setting `hurry` ends the wait at once."""
        if self.returncode is None:
            self._popen.send_signal(signal.SIGTERM)
            self._wait_or_hurry(hurry)
        return self.kill()

    def kill(self) -> int:
        """SIGKILL to the whole group; returns its code when it is gone."""
        self.signal(signal.SIGKILL)
        code = self._popen.wait()
        # A grandchild in a session of its own may hold the pipe: its words can wait.
        self._pump.join(2.0)
        return code

    def _wait_or_hurry(self, hurry: threading.Event | None) -> None:
        left = self.command.grace_s
        while left > 0 and self.wait(min(0.1, left)) is None:
            left -= 0.1
            if hurry is not None and hurry.is_set():
                return

    def _show_on(self, console: Console | None) -> Callable[[str], None]:
        def show(line: str) -> None:
            shown = self.command.shown(line)
            if console is not None and shown is not None:
                console.line(self.command.name, shown)

        return show


def in_spawner(
    start: Callable[[], "subprocess.Popen[bytes]"],
) -> "subprocess.Popen[bytes]":
    """Run `start` in a thread that lives as long as the process does.

    The kernel's "kill me when my parent dies" means the parent *thread*: a child that
    a short-lived worker thread started would be killed when that thread ends.
    """
    global _spawner
    with _spawner_started:
        if _spawner is None:
            _spawner = threading.Thread(target=_spawn, name="spawner", daemon=True)
            _spawner.start()
    done: Future[subprocess.Popen[bytes]] = Future()

    def job() -> None:
        try:
            done.set_result(start())
        except BaseException as error:
            done.set_exception(error)

    _jobs.put(job)
    return done.result()


def _spawn() -> None:
    while True:
        _jobs.get()()
