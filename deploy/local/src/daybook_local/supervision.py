"""A process that is started again when it dies, until it is told to stop."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread

from daybook_local.errors import StackError
from daybook_local.logs import Console, tail
from daybook_local.processes import Command, Process

# What dies this often before it was ever ready will not come up by trying again.
DEATHS_BEFORE_READY = 3


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long a dead process stays dead: doubled each time, until one lives long."""

    first_s: float = 0.5
    longest_s: float = 30.0
    healthy_s: float = 30.0

    def next(self, last: float | None, ran_s: float) -> float:
        if last is None or ran_s >= self.healthy_s:
            return self.first_s
        return min(self.longest_s, last * 2)


class Supervised:
    """One command, kept running. All methods may be called from any thread."""

    def __init__(
        self,
        command: Command,
        *,
        log: Path,
        console: Console,
        restarted: Callable[[str, int], None] = lambda name, pid: None,
        backoff: Backoff | None = None,
    ) -> None:
        self.name = command.name
        self.log = log
        self.deaths = 0
        self._command = command
        self._console = console
        self._restarted = restarted
        self._backoff = backoff or Backoff()
        self._stopping = Event()
        self._lock = Lock()
        self._process: Process | None = None
        self._watcher: Thread | None = None

    @property
    def pid(self) -> int:
        """The process's id; between two lives the last one's."""
        process = self._process
        if process is None:
            raise StackError(f"{self.name} was not started")
        return process.pid

    def start(self) -> None:
        process = self._launch()
        self._watcher = Thread(
            target=self._watch, args=(process,), name=f"watch {self.name}", daemon=True
        )
        self._watcher.start()

    def may_come_up(self) -> bool:
        """Whether it is worth waiting for: not stopped, not dead again and again."""
        return not self._stopping.is_set() and self.deaths < DEATHS_BEFORE_READY

    def stop(self, hurry: Event) -> None:
        """SIGTERM, its grace, SIGKILL; `hurry` skips the grace. It stays stopped."""
        self._stopping.set()
        with self._lock:
            process = self._process
        if process is None:
            return
        # A stopped process cannot obey.
        process.signal(signal.SIGCONT)
        process.stop(hurry)
        if self._watcher is not None:
            self._watcher.join(5.0)

    def last_words(self) -> str:
        return tail(self.log)

    def _launch(self) -> Process:
        with self._lock:
            process = Process(self._command, log=self.log, console=self._console)
            self._process = process
        return process

    def _watch(self, process: Process) -> None:
        delay: float | None = None
        while True:
            began = time.monotonic()
            code = process.wait()
            if self._stopping.is_set():
                return
            # What it had started would hold its ports and its data.
            process.kill()
            self.deaths += 1
            delay = self._backoff.next(delay, time.monotonic() - began)
            self._console.line(
                self.name, f"ended ({how(code)}); started again in {delay:g} s"
            )
            if self._stopping.wait(delay):
                return
            with self._lock:
                if self._stopping.is_set():
                    return
                process = Process(self._command, log=self.log, console=self._console)
                self._process = process
            self._restarted(self.name, process.pid)


def how(code: int | None) -> str:
    """A return code in words."""
    if code is None:
        return "still running"
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
