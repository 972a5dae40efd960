"""A publisher that keeps what it was given, for tests of what publishes."""

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Unpack

from daybook.client.core import Core
from daybook.client.settings import Options, Settings
from daybook.client.task_settings import TaskLinks, TaskOptions
from daybook.client.tasks import SyncTask, Task, enqueue
from daybook.client.tracing import current_traceparent
from daybook.client.webhooks import WebhookLinks, webhook_event
from daybook.events.base import Event
from daybook.events.request import RequestCompleted
from daybook.events.task import TaskEvent
from daybook.events.webhook import WebhookPublished


@dataclass(frozen=True, slots=True)
class Published:
    """One call of `RecordingPublisher.publish` with a request."""

    event: RequestCompleted
    project_id: str | None
    time: datetime | None
    traceparent: str | None


class RecordingPublisher:
    """Keeps the requests, task events and webhooks that were published; safe from many
    threads."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._calls: list[Published] = []
        self._tasks: list[TaskEvent] = []
        self._webhooks: list[WebhookPublished] = []
        self._traces: list[str | None] = []

    def publish(
        self,
        event: Event,
        *,
        project_id: str | None = None,
        time: datetime | None = None,
        traceparent: str | None = None,
    ) -> None:
        with self._lock:
            self._traces.append(traceparent or current_traceparent())
            if isinstance(event, TaskEvent):
                self._tasks.append(event)
            elif isinstance(event, WebhookPublished):
                self._webhooks.append(event)
            else:
                assert isinstance(event, RequestCompleted)
                self._calls.append(Published(event, project_id, time, traceparent))
            self._lock.notify_all()

    @property
    def calls(self) -> list[Published]:
        with self._lock:
            return list(self._calls)

    @property
    def tasks(self) -> list[TaskEvent]:
        """The task events, in order."""
        with self._lock:
            return list(self._tasks)

    @property
    def webhooks(self) -> list[WebhookPublished]:
        """The webhooks, in order."""
        with self._lock:
            return list(self._webhooks)

    @property
    def traces(self) -> list[str | None]:
        """The traceparent of each event, whatever it is, as a client would have it."""
        with self._lock:
            return list(self._traces)

    @property
    def only(self) -> RequestCompleted:
        """The one request that was published."""
        calls = self.calls
        assert len(calls) == 1, [call.event.url for call in calls]
        return calls[0].event

    def wait_for(self, count: int, within: float = 10.0) -> list[RequestCompleted]:
        """The first ``count`` requests, once other threads have published them."""
        with self._lock:
            arrived = self._lock.wait_for(lambda: len(self._calls) >= count, within)
            assert arrived, f"{len(self._calls)} of {count} events came"
            return [call.event for call in self._calls[:count]]


class RecordingClient(RecordingPublisher):
    """In the place of a client, for tests of a host's tasks: no thread, no broker.

    So nobody publishes signs of life, or what ``advance`` held back: the next event
    has it.
    """

    def __init__(self, **options: Unpack[Options]) -> None:
        super().__init__()
        options.setdefault("project_id", "demo")
        settings = Settings(
            bootstrap_servers="127.0.0.1:9", source="recording", **options
        )
        self._core = _RecordingCore(settings, self)

    def task(self, task_type: str, **options: Unpack[TaskOptions]) -> Task:
        """As ``daybook.Client``."""
        return Task(self._core, self, task_type, **options)

    def sync_task(self, task_type: str, **options: Unpack[TaskOptions]) -> SyncTask:
        """As ``task`` of ``daybook.SyncClient``."""
        return SyncTask(self._core, self, task_type, **options)

    def enqueue_task(self, task_type: str, **links: Unpack[TaskLinks]) -> str:
        """As both clients."""
        return enqueue(self._core, self, task_type, links)

    def publish_webhook(
        self, event_type: str, payload: Any, **links: Unpack[WebhookLinks]
    ) -> None:
        """As both clients, but that it raises for what is no JSON."""
        self.publish(
            webhook_event(event_type, payload, links),
            traceparent=links.get("traceparent"),
        )


class _RecordingCore(Core):
    """Signs of life go past a client's face, so that they never wait."""

    def __init__(self, settings: Settings, publisher: RecordingPublisher) -> None:
        super().__init__(settings)
        self._publisher = publisher

    def publish(
        self,
        event: Event,
        project_id: str | None = None,
        time: datetime | None = None,
        traceparent: str | None = None,
    ) -> None:
        self._publisher.publish(
            event, project_id=project_id, time=time, traceparent=traceparent
        )
