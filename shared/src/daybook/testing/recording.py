"""A publisher that keeps what it was given, for tests of what publishes."""

import threading
from dataclasses import dataclass
from datetime import datetime

from daybook.events.base import Event
from daybook.events.request import RequestCompleted


@dataclass(frozen=True, slots=True)
class Published:
    """One call of `RecordingPublisher.publish`."""

    event: RequestCompleted
    project_id: str | None
    time: datetime | None
    traceparent: str | None


class RecordingPublisher:
    """Keeps the requests that were published; safe from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._calls: list[Published] = []

    def publish(
        self,
        event: Event,
        *,
        project_id: str | None = None,
        time: datetime | None = None,
        traceparent: str | None = None,
    ) -> None:
        assert isinstance(event, RequestCompleted)
        with self._lock:
            self._calls.append(Published(event, project_id, time, traceparent))
            self._lock.notify_all()

    @property
    def calls(self) -> list[Published]:
        with self._lock:
            return list(self._calls)

    @property
    def only(self) -> RequestCompleted:
        """The one event that was published."""
        calls = self.calls
        assert len(calls) == 1, [call.event.url for call in calls]
        return calls[0].event

    def wait_for(self, count: int, within: float = 10.0) -> list[RequestCompleted]:
        """The first ``count`` events, once other threads have published them."""
        with self._lock:
            arrived = self._lock.wait_for(lambda: len(self._calls) >= count, within)
            assert arrived, f"{len(self._calls)} of {count} events came"
            return [call.event for call in self._calls[:count]]
