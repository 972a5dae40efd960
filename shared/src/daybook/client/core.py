"""What both faces of the client share: from an event to the queue, and the end."""

import atexit
import logging
import os
import re
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from threading import Lock
from typing import TypeVar

from daybook.client import ids, wire
from daybook.client.backlog import Backlog, Waiting
from daybook.client.beats import Beats
from daybook.client.counts import Counts, Stats
from daybook.client.delivery import Delivery
from daybook.client.settings import Settings
from daybook.client.tracing import current_traceparent
from daybook.events.base import Event
from daybook.events.writing import EventTooLargeError, InvalidProjectError, encode

log = logging.getLogger("daybook.client")

_TOPIC = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,249}", re.ASCII)
EventT = TypeVar("EventT", bound=Event)
# What a queued event costs beside its bytes: its objects and their headers.
_OBJECTS = 512


@dataclass(frozen=True, slots=True)
class CloseReport:
    """``lost``: events not acknowledged at the deadline. Some may have arrived."""

    lost: int


class Core:
    """Encodes, numbers and queues events; owns the thread that delivers them.

    Thread-safe. After a fork the child starts with an empty queue, an instance id and
    sequence of its own, and its own thread at its first event; what the parent had
    queued stays the parent's.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._reset()
        _remember(self)

    def _reset(self) -> None:
        self._guard = Lock()
        self._closed = False
        self._delivery: Delivery | None = None
        self._counts = Counts(self.settings.stopwatch)
        self.backlog = Backlog(
            max_events=self.settings.max_queue_events,
            max_bytes=self.settings.max_queue_bytes,
        )
        self.beats = Beats()
        self._source = f"{self.settings.source}/{self.settings.new_instance_id()}"

    def after_fork(self) -> None:
        """Called in the child, where locks may be held by threads that are gone."""
        # Kept alive: to collect it would close what the parent still uses.
        _abandoned.append((self._delivery, self.backlog))
        was_closed = self._closed
        self._reset()
        self._closed = was_closed

    @property
    def source(self) -> str:
        """The CloudEvents ``source`` of this process."""
        return self._source

    @property
    def stats(self) -> Stats:
        return self._counts.stats(len(self.backlog))

    def start(self) -> None:
        """Begin connecting, if that was not done; returns at once."""
        if self._delivery is not None or self._closed:
            return
        with self._guard:
            if self._delivery is not None or self._closed:
                return
            delivery = Delivery(self.settings, self.backlog, self._counts, self.beats)
            try:
                delivery.start()
            except RuntimeError as error:  # out of threads: the next event tries again
                log.debug("no thread to deliver audit events: %r", error)
                return
            self._delivery = delivery
            atexit.register(self._close_at_exit)

    def publish(
        self,
        event: Event,
        project_id: str | None = None,
        time: datetime | None = None,
        traceparent: str | None = None,
    ) -> None:
        """Queue the event as ``when_full`` says, or count it as dropped."""
        waiting = self.prepare(event, project_id, time, traceparent)
        if waiting is not None and not self.offer(
            waiting, drop_oldest=self.settings.when_full == "drop_oldest"
        ):
            self.give_up()

    def made(self, make: Callable[[], EventT]) -> EventT | None:
        """The event that ``make`` makes; None where it fails: counted as dropped."""
        try:
            return make()
        except Exception as error:
            # As in prepare: what is wrong with an event never breaks its host.
            self._counts.published()
            self._counts.dropped("error", cause=error)
            return None

    def prepare(
        self,
        event: Event,
        project_id: str | None,
        time: datetime | None,
        traceparent: str | None,
    ) -> Waiting | None:
        """Number and encode the event; None if it was dropped, and counted."""
        counts = self._counts
        sequence = counts.published()
        try:
            if self._closed:
                counts.dropped("closed")
                return None
            if not _is_topic(event.topic):
                counts.dropped("invalid_topic")
                return None
            record = encode(
                event,
                id=self.settings.new_id(),
                source=self._source,
                time=time or self.settings.clock(),
                project_id=project_id or self.settings.project_id or "",
                sequence=sequence,
                traceparent=traceparent or current_traceparent(),
            )
        except InvalidProjectError as error:
            counts.dropped("invalid_project", cause=error)
        except EventTooLargeError as error:
            counts.dropped("too_large", cause=error)
        except Exception as error:
            # Whatever is wrong with this event must not break the request that it
            # tells about; it is counted, and the log says why once a minute.
            counts.dropped("error", cause=error)
        else:
            return Waiting(
                event.topic,
                record.key,
                record.value,
                record.headers,
                record.size + _OBJECTS,
            )
        return None

    def offer(self, waiting: Waiting, *, drop_oldest: bool) -> bool:
        """Queue it if there is, or can be made, room."""
        taken, dropped = self.backlog.add(waiting, drop_oldest=drop_oldest)
        if dropped:
            self._counts.dropped("queue_full", dropped)
        if self._delivery is None:
            self.start()
        return taken

    def can_ever_fit(self, waiting: Waiting) -> bool:
        """Whether waiting for room may help."""
        return not self._closed and waiting.size <= self.settings.max_queue_bytes

    def give_up(self) -> None:
        """Count an event for which there was no room."""
        self._counts.dropped("closed" if self._closed else "queue_full")

    def close(self, timeout: timedelta | None = None) -> CloseReport:
        """Send what is queued within ``timeout``; the rest is lost, and counted.

        Blocks for as long. A second call does nothing.
        """
        limit = self.settings.close_timeout if timeout is None else timeout
        if len(self.backlog):
            self.start()
        with self._guard:
            if self._closed:
                return CloseReport(0)
            self._closed = True
        if self._delivery is not None:
            self._delivery.close(max(0.0, limit.total_seconds()))
            atexit.unregister(self._close_at_exit)
        lost = self.backlog.close()
        if lost:
            self._counts.dropped("closed", lost)
        self._counts.report(now=True)
        return CloseReport(lost)

    def _close_at_exit(self) -> None:
        self.close(self.settings.exit_timeout)


@cache
def _is_topic(name: str) -> bool:
    return _TOPIC.fullmatch(name) is not None


_cores: "weakref.WeakSet[Core]" = weakref.WeakSet()
_abandoned: list[object] = []
_watching_forks = False


def _remember(core: Core) -> None:
    global _watching_forks
    _cores.add(core)
    if not _watching_forks and hasattr(os, "register_at_fork"):
        _watching_forks = True
        os.register_at_fork(after_in_child=_after_fork)


def _after_fork() -> None:
    ids.after_fork()
    wire.after_fork()
    for core in list(_cores):
        core.after_fork()
