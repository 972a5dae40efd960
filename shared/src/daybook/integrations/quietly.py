"""Our own faults, kept from the host: said in its log, seldom."""

import logging
import threading
from types import TracebackType

from daybook.runtime.clock import Stopwatch

_LOG = logging.getLogger("daybook.integrations")
_SECONDS_BETWEEN = 60.0


class Quietly:
    """Catches what our code or a configured callable raises; logs once a minute."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self._stopwatch = stopwatch
        self._lock = threading.Lock()
        self._last: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def attempt(self, doing: str) -> "_Attempt":
        """Run a block; whatever it raises ends here, with the rest of the block."""
        return _Attempt(self, doing)

    def say(self, doing: str, error: Exception) -> None:
        with self._lock:
            now = self._stopwatch()
            last = self._last.get(doing)
            if last is not None and now - last < _SECONDS_BETWEEN:
                self._unsaid[doing] = self._unsaid.get(doing, 0) + 1
                return
            self._last[doing] = now
            unsaid = self._unsaid.pop(doing, 0)
        _LOG.warning(
            "Daybook failed while %s (%d more times since last said)",
            doing,
            unsaid,
            exc_info=error,
        )


class _Attempt:
    """A class and no generator: it stands in the way of every message."""

    __slots__ = ("_doing", "_quietly")

    def __init__(self, quietly: Quietly, doing: str) -> None:
        self._quietly = quietly
        self._doing = doing

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        # Cancellation and exit are not ours to keep.
        if not isinstance(error, Exception):
            return False
        self._quietly.say(self._doing, error)
        return True
