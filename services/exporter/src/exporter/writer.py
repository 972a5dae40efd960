"""One bulk of judged records: exports made of them, or dead letters."""

from collections.abc import Callable, Sequence
from datetime import datetime
from random import Random
from typing import Protocol

import orjson
from daybook.events.cloudevent import CloudEvent
from daybook.events.export import ExportRecorded
from daybook.exports.parameters import InvalidParameters, Parameters, read_requested
from daybook.runtime.clock import Clock
from daybook.runtime.dead_letters import DeadLetter
from daybook.runtime.metrics import ExporterMetrics
from daybook.runtime.mongo import Document
from daybook.storage.exports import new_export
from daybook.storage.times import from_ms
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from exporter.judge import Asked, Judged
from exporter.patience import until_there

DEFAULT_CHANNEL = "API"
_UNREADABLE = Parameters("api_log", "CSV", (), "-created_at", {})


class Letters(Protocol):
    """Sends dead letters; returns when all are acknowledged."""

    async def send(self, letters: Sequence[DeadLetter]) -> None: ...


class Writer:
    """Writes bulks; safe to repeat: an export is known by project and id."""

    def __init__(
        self,
        exports: AsyncCollection[Document],
        letters: Letters,
        metrics: ExporterMetrics,
        clock: Clock,
        wake: Callable[[], None],
        random: Random,
    ) -> None:
        self._exports = exports
        self._letters = letters
        self._metrics = metrics
        self._clock = clock
        self._wake = wake
        self._random = random

    async def write(self, items: list[Judged]) -> None:
        """Return once every export is durable, and every letter acknowledged."""
        letters = [item for item in items if isinstance(item, DeadLetter)]
        for item in items:
            if isinstance(item, Asked):
                await self._make(item)
        await self._letters.send(letters)
        for letter in letters:
            self._metrics.dead_letters.labels(letter.fault.kind).inc()
        self._metrics.events.labels("dead_lettered").inc(len(letters))
        self._wake()

    async def _make(self, item: Asked) -> None:
        # The broker's time: what it received before is what the export holds.
        export = export_of(item.event, from_ms(item.record.timestamp))
        try:
            await until_there(lambda: self._exports.insert_one(export), self._random)
        except DuplicateKeyError:
            self._metrics.events.labels("known").inc()
        else:
            refused = export["status"] == "ERROR"
            self._metrics.events.labels("refused" if refused else "made").inc()
        self._metrics.stored(self._clock(), [(item.record.timestamp, item.event.time)])


def export_of(event: CloudEvent, received_at: datetime) -> Document:
    """The export that an event makes: to be run, failed at once, or recorded."""
    data = event.data
    problem: str | None = None
    parameters = _UNREADABLE
    if event.event is not ExportRecorded:
        try:
            parameters = read_requested(data)
        except InvalidParameters as error:
            problem = str(error)
    export = new_export(
        event.project_id,
        data["export_id"],
        parameters,
        data.get("channel") or DEFAULT_CHANNEL,
        data.get("user_id"),
        received_at,
        event.id,
        event.traceparent,
    )
    if event.event is ExportRecorded:
        return _recorded(export, data)
    if problem is not None:
        return _ended(export) | {
            "exported_object": data["exported_object"],
            "status": "ERROR",
            "error": {"message": problem},
            "announced": False,
            "unannounced": True,
        }
    return export


def _recorded(export: Document, data: Document) -> Document:
    facts = {name: data.get(name) for name in ("url", "object", "rows", "bytes")}
    recorded = {name: value for name, value in facts.items() if value is not None}
    filters = orjson.loads(data.get("parameters") or "{}")
    return _ended(export) | {
        "exported_object": data["exported_object"],
        "parameters": {"recorded": orjson.dumps(filters).decode()},
        "status": "DONE",
        "recorded": recorded,
        "rows": data.get("rows") or 0,
        "bytes": data.get("bytes") or 0,
        "announced": True,
    }


def _ended(export: Document) -> Document:
    left = {name: value for name, value in export.items() if name != "waiting"}
    return left | {"finished_at": export["created_at"]}
