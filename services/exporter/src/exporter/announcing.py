"""What others are told of an ended export: its background task, and a webhook.

Each event has an id that derives from the export's and times that the document holds,
so that a repeat is the same event again: ingest and the dispatcher store it once.
"""

# aiokafka's own types are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import asyncio
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from daybook.events.base import Event, User
from daybook.events.task import TaskEnqueued, TaskFinished, TaskResult, TaskStarted
from daybook.events.topics import MEBIBYTE
from daybook.events.webhook import EventSource, WebhookPublished
from daybook.events.writing import encode, rfc3339
from daybook.runtime.kafka import Brokers
from daybook.runtime.metrics import ExporterMetrics
from daybook.runtime.mongo import Document, is_unavailable
from daybook.storage.exports import EXPORTS_UNANNOUNCED
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

log = logging.getLogger(__name__)

SOURCE = "exporter"
DONE_TYPE = "export.done"
_AT_ONCE = 100

Told = tuple[str, datetime, Event]


class Announcer:
    """Publishes the events of ended exports, and marks them once acknowledged.

    At least once, under the same ids; a broker that is away is asked again at the next
    sweep. ``topics``: event → topic, where it is not the event's own.
    """

    def __init__(
        self,
        exports: AsyncCollection[Document],
        brokers: Brokers | str,
        metrics: ExporterMetrics,
        topic_of: Callable[[Event], str] = lambda event: event.topic,
    ) -> None:
        self._exports = exports
        self._brokers = Brokers.of(brokers)
        self._metrics = metrics
        self._topic_of = topic_of
        self._producer: Any = None

    async def sweep(self) -> None:
        """Tell of all that nobody was told of."""
        try:
            found = self._exports.find(
                {"unannounced": True}, hint=EXPORTS_UNANNOUNCED, limit=_AT_ONCE
            )
            waiting = await found.to_list()
            self._metrics.unannounced.set(len(waiting))
            for export in waiting:
                await self._announce(export)
                self._metrics.unannounced.dec()
        except KafkaError as error:
            log.warning("cannot tell of an export, will try again: %r", error)
            await self.close()
        except PyMongoError as error:
            if not is_unavailable(error):
                raise
            log.warning("cannot look for ended exports: %s", str(error)[:200])

    async def close(self) -> None:
        """Let go of the connection."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def _announce(self, export: Document) -> None:
        if self._producer is None:
            producer: Any = AIOKafkaProducer(
                **self._brokers.options(),
                acks="all",
                enable_idempotence=True,
                compression_type="zstd",
                max_request_size=4 * MEBIBYTE,
            )
            await producer.start()
            self._producer = producer
        sent = [await self._send(export, told) for told in events_of(export)]
        await asyncio.gather(*sent)
        await self._exports.update_one(
            {"_id": export["_id"], "unannounced": True},
            {"$set": {"announced": True}, "$unset": {"unannounced": 1}},
        )

    async def _send(self, export: Document, told: Told) -> Any:
        name, time, event = told
        record = encode(
            event,
            id=f"{export['id']}.{name}",
            source=SOURCE,
            time=time,
            project_id=export["project_id"],
            traceparent=export.get("traceparent"),
        )
        return await self._producer.send(
            self._topic_of(event),
            record.value,
            key=record.key,
            headers=list(record.headers),
        )


def events_of(export: Document) -> Iterator[Told]:
    """All that is told of an ended export: by name, with its time."""
    links = task_links(export)
    began: datetime = export.get("started_at") or export["finished_at"]
    ended: datetime = export["finished_at"]
    is_done = export["status"] == "DONE"
    message = f"{export['rows']} rows" if is_done else export["error"]["message"]
    yield "enqueued", export["created_at"], TaskEnqueued(**links)
    yield "started", began, TaskStarted(**links)
    yield (
        "finished",
        ended,
        TaskFinished(
            **links,
            outcome="DONE" if is_done else "FAILED",
            done_count=export["rows"],
            result=TaskResult(message=message),
        ),
    )
    if is_done:
        yield "done", ended, _webhook(export)


def task_links(export: Document) -> dict[str, Any]:
    """What every event of an export's task says."""
    user_id: str | None = export.get("user_id")
    return {
        "task_id": export["id"],
        "task_type": f"EXPORT.{export['exported_object'].upper()}"[:200],
        "request_id": export.get("request_id"),
        "user": None if user_id is None else User(id=user_id),
    }


def _webhook(export: Document) -> WebhookPublished:
    payload = {
        "id": export["id"],
        "object": "export",
        "created_at": rfc3339(export["created_at"]),
        "status": export["status"],
        "channel": export["channel"],
        "exported_object": export["exported_object"],
        "parameters": export["parameters"],
        "user_id": export.get("user_id"),
        "rows": export["rows"],
        "bytes": export["bytes"],
    }
    return WebhookPublished(
        event_type=DONE_TYPE,
        entity_id=export["id"],
        group_id=export.get("request_id"),
        event_source=EventSource(channel=export["channel"]),
        payload=orjson.dumps(payload).decode(),
    )
