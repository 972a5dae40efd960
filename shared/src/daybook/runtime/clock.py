"""Time as an argument: code asks the clock that it was given."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

# Wall-clock time, aware, in UTC.
Clock = Callable[[], datetime]
# Seconds from an arbitrary start, never going back: for durations and deadlines.
Stopwatch = Callable[[], float]


def utc_now() -> datetime:
    """The machine's time."""
    return datetime.now(UTC)


monotonic: Stopwatch = time.monotonic
