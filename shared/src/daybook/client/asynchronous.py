"""The client for asyncio hosts."""

import asyncio
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self, Unpack

from daybook.client.core import CloseReport, Core
from daybook.client.counts import Stats
from daybook.client.settings import Options, Settings, from_environ
from daybook.client.task_settings import TaskLinks, TaskOptions
from daybook.client.tasks import Task, enqueue
from daybook.client.webhooks import WebhookLinks, webhook_event
from daybook.events.base import Event


class Client:
    """Publishes events to Daybook without ever slowing or breaking its host.

    ``publish`` encodes and queues; a daemon thread with an event loop of its own
    delivers. So it may be called before ``start``, from any thread, under any event
    loop and one after the other, and in the children of a fork, each of which has its
    own queue, thread, instance id and sequence.

    Each event is delivered at least once while it fits the queue, events of one key in
    the order in which one thread published them. After a reconnection some may be sent
    twice, under the same id.
    """

    def __init__(
        self, bootstrap_servers: str, *, source: str, **options: Unpack[Options]
    ) -> None:
        """``source`` is the service's name, to which the instance is appended;
        ``daybook.client.Settings`` says what the options mean. Raises ``ValueError``
        for what could never work; opens nothing."""
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

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def source(self) -> str:
        """The CloudEvents ``source`` of this process: name/instance."""
        return self._core.source

    @property
    def stats(self) -> Stats:
        """What became of the events so far."""
        return self._core.stats

    async def start(self) -> None:
        """Connect ahead of the first event, in the background: a broker that is away
        delays nothing. ``publish`` does it where nobody did."""
        self._core.start()

    def publish(
        self,
        event: Event,
        *,
        project_id: str | None = None,
        time: datetime | None = None,
        traceparent: str | None = None,
    ) -> None:
        """Queue the event; never waits, never raises. What cannot be queued is counted
        in ``stats`` and logged. With ``when_full="block"`` an event without room is
        dropped here: ``publish_wait`` waits for it."""
        self._core.publish(event, project_id, time, traceparent)

    async def publish_wait(
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
        loop = asyncio.get_running_loop()
        limit = core.settings.block_timeout if timeout is None else timeout
        deadline = loop.time() + limit.total_seconds()
        room = asyncio.Event()

        def call_back() -> None:
            loop.call_soon_threadsafe(room.set)

        while True:
            room.clear()
            # Registered before the attempt: room made between the two is not missed.
            core.backlog.call_on_room(call_back)
            if core.offer(waiting, drop_oldest=False):
                core.backlog.forget_callback(call_back)
                return True
            if not core.can_ever_fit(waiting):
                break
            try:
                async with asyncio.timeout_at(deadline):
                    await room.wait()
            except TimeoutError:
                break
            except asyncio.CancelledError:
                core.backlog.forget_callback(call_back)
                core.give_up()
                raise
        core.backlog.forget_callback(call_back)
        core.give_up()
        return False

    def task(self, task_type: str, **options: Unpack[TaskOptions]) -> Task:
        """A run of a background task: ``async with`` publishes that it was enqueued and
        has started, and how it ended. ``daybook.client.TaskSettings`` says what the
        options mean; with ``enqueued=True`` it continues what ``enqueue_task`` began.
        """
        return Task(self._core, self, task_type, **options)

    def enqueue_task(self, task_type: str, **links: Unpack[TaskLinks]) -> str:
        """Publish that a task waits to be run, anywhere; its id, for ``task``."""
        return enqueue(self._core, self, task_type, links)

    def publish_webhook(
        self, event_type: str, payload: Any, **links: Unpack[WebhookLinks]
    ) -> None:
        """Publish a webhook for Daybook to deliver to the endpoints that ask for
        ``event_type``. ``payload`` is anything that JSON can hold, or JSON itself as
        ``bytes``, which receivers get byte for byte. Never waits, never raises: what
        is no JSON is counted and logged, as ``publish`` does."""
        event = self._core.made(lambda: webhook_event(event_type, payload, links))
        if event is not None:
            self.publish(
                event,
                project_id=links.get("project_id"),
                time=links.get("time"),
                traceparent=links.get("traceparent"),
            )

    async def close(self, timeout: timedelta | None = None) -> CloseReport:
        """Send what is queued within ``timeout`` (default: ``close_timeout``) and say
        what was lost. The event loop goes on meanwhile; a second call does nothing."""
        return await asyncio.to_thread(self._core.close, timeout)
