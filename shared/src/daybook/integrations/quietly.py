"""Our own faults, kept from the host: said in its log, seldom."""

import logging
import threading
from collections.abc import Generator
from contextlib import contextmanager

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

    @contextmanager
    def attempt(self, doing: str) -> Generator[None]:
        """Run the block; whatever it raises ends here, with the rest of the block."""
        try:
            yield
        except Exception as error:  # the host must live through any fault of ours
            self._say(doing, error)

    def _say(self, doing: str, error: Exception) -> None:
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
