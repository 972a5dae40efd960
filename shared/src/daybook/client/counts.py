"""What became of the events: counted always, said in the log once a minute."""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from types import MappingProxyType
from typing import Literal

from daybook.runtime.clock import Stopwatch

log = logging.getLogger("daybook.client")

REPORT_EVERY = timedelta(minutes=1)

Reason = Literal[
    "queue_full",  # no room: the oldest made way, or this one found none
    "too_large",  # does not fit its topic even without bodies
    "invalid_project",  # no project id, or a malformed one
    "invalid_topic",  # the event names a topic that Kafka cannot have
    "refused",  # the broker will never take this record
    "closed",  # published after close(), or not acknowledged before its deadline
    "error",  # could not be encoded: the log says why
]


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts since the client was made, or since this process was forked.

    ``published == delivered + queued + sum(dropped.values())`` whenever nothing is
    being published at the same moment. ``queued`` includes what was sent and is not
    acknowledged.
    """

    published: int
    delivered: int
    dropped: Mapping[Reason, int]
    queued: int


class Counts:
    """Thread-safe counters with a log entry a minute at most."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self._stopwatch = stopwatch
        self._lock = Lock()
        self._published = 0
        self._delivered = 0
        self._dropped: Counter[Reason] = Counter()
        self._unsaid: Counter[Reason] = Counter()
        self._cause: BaseException | None = None
        self._said_at: float | None = None

    def published(self) -> int:
        """Count one; its number, which is the event's ``sequence``."""
        with self._lock:
            self._published += 1
            return self._published

    def delivered(self, events: int) -> None:
        with self._lock:
            self._delivered += events

    def dropped(
        self, reason: Reason, events: int = 1, cause: BaseException | None = None
    ) -> None:
        """Count lost events, and say so unless the last time is under a minute ago."""
        with self._lock:
            self._dropped[reason] += events
            self._unsaid[reason] += events
            self._cause = cause or self._cause
        self.report()

    def due_in(self) -> float | None:
        """Seconds until ``report`` has something to say; None if it has nothing."""
        with self._lock:
            if not self._unsaid:
                return None
            if self._said_at is None:
                return 0.0
            due = self._said_at + REPORT_EVERY.total_seconds()
            return max(0.0, due - self._stopwatch())

    def report(self, *, now: bool = False) -> None:
        """Log what was dropped since the last report, if that is due or ``now``."""
        if self.due_in() is None or (self.due_in() and not now):
            return
        with self._lock:
            unsaid, self._unsaid = self._unsaid, Counter()
            cause, self._cause = self._cause, None
            self._said_at = self._stopwatch()
        if unsaid:
            log.warning(
                "dropped %d audit events (%s)",
                unsaid.total(),
                ", ".join(f"{reason}: {count}" for reason, count in unsaid.items()),
                exc_info=cause,
            )

    def stats(self, queued: int) -> Stats:
        with self._lock:
            return Stats(
                self._published,
                self._delivered,
                MappingProxyType(dict(self._dropped)),
                queued,
            )
