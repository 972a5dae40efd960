"""The history of one task: its events as ingest stored them, the oldest first."""

import asyncio
from datetime import timedelta
from typing import Any

from daybook.runtime.mongo import Document
from daybook.storage.collections import TASK_EVENTS
from daybook.storage.task_events import TASK_EVENTS_BY_TASK
from daybook.storage.times import from_ms, hour_of, to_ms
from pymongo.asynchronous.database import AsyncDatabase

from query.cursors import Cursor, Position, read_cursor, write_cursor
from query.filters import Filters, Window
from query.lists import Slice
from query.reads import SILENCE_SECONDS, whole_ms

_NAME = "task_events"
# An event may bring thousands of failed rows: those have a list of their own.
_SHOWN = {"failed": 0, "extra": 0}
# ``hour`` follows from ``created_at``: named first, it keeps the index's order.
_OLDEST_FIRST = {"hour": 1, "created_at": 1, "_id": 1}


class History:
    """Reads ``task_events``, and of it the hours of the task alone."""

    def __init__(self, database: AsyncDatabase[Document], budget: timedelta) -> None:
        self._events = database[TASK_EVENTS]
        self._seconds = budget.total_seconds()

    async def page(
        self, task: Document, *, cursor_text: str | None, limit: int
    ) -> Slice:
        """Events of a task of :class:`Tasks`, the oldest first.

        Raises InvalidCursor, and TimeoutError when nothing answers.
        """
        project_id: str = task["project_id"]
        asked = Filters({"task": (task["id"],)})
        start = Position(to_ms(task["created_at"]))
        if cursor_text is not None:
            start = read_cursor(cursor_text, _NAME, project_id, asked).position
        async with asyncio.timeout(self._seconds + SILENCE_SECONDS):
            found = await self._from(task, start, limit + 1)
        if len(found) <= limit:
            return Slice(found, None)
        last = found[limit - 1]
        place = Position(to_ms(last["created_at"]), last["id"])
        text = write_cursor(Cursor(place, Window()), _NAME, project_id, asked)
        return Slice(found[:limit], text)

    async def _from(
        self, task: Document, start: Position, limit: int
    ) -> list[Document]:
        """At most ``limit`` events after ``start``; without an id, from it on."""
        found: list[Document] = []
        since = start.ms
        if start.id is not None:
            later = {"$gt": f"{task['project_id']}/{start.id}"}
            tie = {"hour": hour_of(since), "created_at": from_ms(since), "_id": later}
            found = await self._find(task, tie, limit)
            since += 1
        end = task["updated_at"]
        if len(found) < limit and from_ms(since) <= end:
            hours = {"$gte": hour_of(since), "$lte": hour_of(to_ms(end))}
            rest = {"hour": hours, "created_at": {"$gte": from_ms(since)}}
            found += await self._find(task, rest, limit - len(found))
        return found

    async def _find(
        self, task: Document, bounds: dict[str, Any], limit: int
    ) -> list[Document]:
        return await self._events.find(
            {"project_id": task["project_id"], "task_id": task["id"], **bounds},
            _SHOWN,
            sort=_OLDEST_FIRST,
            hint=TASK_EVENTS_BY_TASK,
            limit=limit,
            max_time_ms=whole_ms(self._seconds),
        ).to_list()
