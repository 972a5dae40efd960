"""`make run`: everything, started in order, watched, stopped in order."""

import os
import signal
import sys
from threading import Event

from daybook_local.banner import banner
from daybook_local.errors import StackError
from daybook_local.lock import only_one
from daybook_local.logs import Console
from daybook_local.ports import Ports
from daybook_local.settings import Settings
from daybook_local.stack import Stack, StopRequested
from daybook_local.stack_file import StackFile
from daybook_local.start import Parts, start


class Signals:
    """The first asks to stop, the second not to wait for it, the third is obeyed now.

    Even then nothing is left running: the kernel ends the children with us.
    """

    def __init__(self) -> None:
        self.stop, self.hurry = Event(), Event()

    def install(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._received)
        # Under nohup a closed terminal is to be survived.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._received)

    def _received(self, number: int, _frame: object) -> None:
        if self.hurry.is_set():
            os._exit(128 + number)
        if self.stop.is_set():
            self.hurry.set()
        self.stop.set()


def run(settings: Settings, parts: Parts | None = None) -> int:
    """Run until a signal; the exit code is 0 after a clean stop. Main thread only."""
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    console = Console(sys.stdout, colour=colour)
    signals = Signals()
    signals.install()
    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with only_one(settings.state_dir):
            _run_alone(settings, parts or Parts(), console, signals, colour=colour)
    except StackError as error:
        console.write(f"\n{error}\n")
        return 1
    return 0


def _run_alone(
    settings: Settings,
    parts: Parts,
    console: Console,
    signals: Signals,
    *,
    colour: bool,
) -> None:
    stack_file = StackFile(settings.state_dir)
    stack_file.remove()  # of a run that was killed
    stack = Stack(
        logs=settings.state_dir / "logs",
        console=console,
        ports=Ports(),
        stop_requested=signals.stop,
        restarted=stack_file.restarted,
        backoff=parts.backoff,
    )
    try:
        entry = start(settings, parts, stack)
        stack_file.write(entry)
        for name, each in stack.running.items():
            stack_file.restarted(name, each.child.pid)  # while it was being made
        console.write(banner(entry, settings.state_dir, colour=colour))
        signals.stop.wait()
    except StopRequested:
        console.line("daybook", "stopping before everything is up")
    except StackError:
        # What was being waited for fails too when the stop reaches it first.
        if not signals.stop.is_set():
            raise
    finally:
        # Whoever reads the file must not find a stack that is going away.
        stack_file.remove()
        stack.stop(signals.hurry)
    console.line("daybook", "stopped")
