"""The client for WSGI hosts and scripts."""

import os
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self, Unpack

from daybook.client.core import CloseReport, Core
from daybook.client.counts import Stats
from daybook.client.settings import Options, Settings, from_environ
from daybook.client.task_settings import TaskLinks, TaskOptions
from daybook.client.tasks import SyncTask, enqueue
from daybook.client.webhooks import WebhookLinks, webhook_event
from daybook.events.base import Event


class SyncClient:
    """The same promises as ``daybook.Client``, for hosts without an event loop.

    Make one a process, at import if you like: it opens nothing before its first event,
    and every worker of a pre-forking server has its own thread, instance and sequence.
    A server that runs no Python threads of its own has to allow them (uWSGI:
    ``enable-threads``).
    """

    def __init__(
        self, bootstrap_servers: str, *, source: str, **options: Unpack[Options]
    ) -> None:
        """As ``daybook.Client``."""
        self._core = Core(
            Settings(bootstrap_servers=bootstrap_servers, source=source, **options)
        )

    @classmethod
    def from_env(
        cls, environ: Mapping[str, str] = os.environ, **options: Unpack[Options]
    ) -> Self:
        """From ``KAFKA_BOOTSTRAP_SERVERS``, ``DAYBOOK_SOURCE`` and, if set,
        ``DAYBOOK_PROJECT_ID`` and what else of Kafka is: ``KAFKA_SECURITY_PROTOCOL``,
        ``KAFKA_SASL_…``, ``KAFKA_SSL_CA_FILE``."""
        brokers, source, project_id = from_environ(environ)
        found: Options = {"project_id": project_id, **brokers.security()}
        return cls(brokers.servers, source=source, **(found | options))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def source(self) -> str:
        """The CloudEvents ``source`` of this process: name/instance."""
        return self._core.source

    @property
    def stats(self) -> Stats:
        """What became of the events so far."""
        return self._core.stats

    def start(self) -> None:
        """Connect ahead of the first event, in the background. Not before a fork:
        a thread of the parent is none of the child's."""
        self._core.start()

    def publish(
        self,
        event: Event,
        *,
        project_id: str | None = None,
        time: datetime | None = None,
        traceparent: str | None = None,
    ) -> None:
        """Queue the event; never raises, and never waits, except for room with
        ``when_full="block"``, for ``block_timeout`` at most. What cannot be queued is
        counted in ``stats`` and logged."""
        if self._core.settings.when_full == "block":
            self.publish_wait(
                event, project_id=project_id, time=time, traceparent=traceparent
            )
        else:
            self._core.publish(event, project_id, time, traceparent)

    def publish_wait(
        self,
        event: Event,
        *,
        project_id: str | None = None,
        time: datetime | None = None,
        traceparent: str | None = None,
        timeout: timedelta | None = None,
    ) -> bool:
        """Queue the event, waiting for room for ``timeout`` (default:
        ``block_timeout``); False if it was dropped, and counted, after all."""
        core = self._core
        waiting = core.prepare(event, project_id, time, traceparent)
        if waiting is None:
            return False
        stopwatch = core.settings.stopwatch
        limit = core.settings.block_timeout if timeout is None else timeout
        deadline = stopwatch() + limit.total_seconds()
        room = threading.Event()
        while True:
            room.clear()
            # Registered before the attempt: room made between the two is not missed.
            core.backlog.call_on_room(room.set)
            if core.offer(waiting, drop_oldest=False):
                core.backlog.forget_callback(room.set)
                return True
            left = deadline - stopwatch()
            if left <= 0 or not core.can_ever_fit(waiting) or not room.wait(left):
                core.backlog.forget_callback(room.set)
                core.give_up()
                return False

    def task(self, task_type: str, **options: Unpack[TaskOptions]) -> SyncTask:
        """A run of a background task: ``with`` publishes that it was enqueued and
        has started, and how it ended. ``daybook.client.TaskSettings`` says what the
        options mean; with ``enqueued=True`` it continues what ``enqueue_task`` began.
        """
        return SyncTask(self._core, self, task_type, **options)

    def enqueue_task(self, task_type: str, **links: Unpack[TaskLinks]) -> str:
        """Publish that a task waits to be run, anywhere; its id, for ``task``."""
        return enqueue(self._core, self, task_type, links)

    def publish_webhook(
        self, event_type: str, payload: Any, **links: Unpack[WebhookLinks]
    ) -> None:
        """Publish a webhook for Daybook to deliver to the endpoints that ask for
        ``event_type``. ``payload`` is anything that JSON can hold, or JSON itself as
        ``bytes``, which receivers get byte for byte. Never raises, and waits as
        ``publish`` does: what is no JSON is counted and logged."""
        event = self._core.made(lambda: webhook_event(event_type, payload, links))
        if event is not None:
            self.publish(
                event,
                project_id=links.get("project_id"),
                time=links.get("time"),
                traceparent=links.get("traceparent"),
            )

    def close(self, timeout: timedelta | None = None) -> CloseReport:
        """Send what is queued within ``timeout`` (default: ``close_timeout``), blocking
        for as long, and say what was lost. A second call does nothing. Where nobody
        calls it, the interpreter does at its exit, with ``exit_timeout``."""
        return self._core.close(timeout)
