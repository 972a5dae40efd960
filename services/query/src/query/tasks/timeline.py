"""Both ends of a task's history, however long it is, and how much is between them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from daybook.runtime.mongo import Document
from daybook.storage.collections import TASK_EVENTS
from daybook.storage.task_events import TASK_EVENTS_BY_TASK
from daybook.storage.times import hour_of, to_ms
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ExecutionTimeout

from query.reads import SILENCE_SECONDS, whole_ms

# Runs begin and end near the ends; what is between is progress upon progress.
EACH_END = 250
# An event may bring thousands of failed rows, and fields that no page shows.
_SHOWN = {
    name: 1
    for name in (
        *("id", "type", "run", "created_at", "total", "done_count", "failed_count"),
        *("progress", "outcome", "operation_status", "result.message"),
    )
}
_ORDER = ("hour", "created_at", "_id")


@dataclass(frozen=True, slots=True)
class Ends:
    """The oldest and the newest events, in order; ``between`` of them are left out."""

    oldest: Sequence[Document]
    newest: Sequence[Document] = ()
    between: int = 0


class Timelines:
    """Reads ``task_events`` and writes nothing."""

    def __init__(self, database: AsyncDatabase[Document], budget: timedelta) -> None:
        self._events = database[TASK_EVENTS]
        self._seconds = budget.total_seconds()

    async def of(self, task: Document, *, each: int = EACH_END) -> Ends | None:
        """The task's history; None when its time ran out.

        TimeoutError when nothing answers.
        """
        bounds: dict[str, Any] = {
            "project_id": task["project_id"],
            "task_id": task["id"],
            "hour": {
                "$gte": hour_of(to_ms(task["created_at"])),
                "$lte": hour_of(to_ms(task["updated_at"])),
            },
        }
        async with asyncio.timeout(self._seconds + SILENCE_SECONDS):
            try:
                return await self._ends(bounds, each)
            except ExecutionTimeout:
                return None

    async def _ends(self, bounds: Mapping[str, Any], each: int) -> Ends:
        oldest = await self._find(bounds, 1, 2 * each + 1)
        if len(oldest) <= 2 * each:
            return Ends(oldest)
        newest = await self._find(bounds, -1, each)
        count = await self._events.count_documents(
            bounds, hint=TASK_EVENTS_BY_TASK, maxTimeMS=whole_ms(self._seconds)
        )
        return Ends(oldest[:each], newest[::-1], count - 2 * each)

    async def _find(
        self, bounds: Mapping[str, Any], direction: int, limit: int
    ) -> list[Document]:
        return await self._events.find(
            bounds,
            _SHOWN,
            sort=dict.fromkeys(_ORDER, direction),
            hint=TASK_EVENTS_BY_TASK,
            limit=limit,
            max_time_ms=whole_ms(self._seconds),
        ).to_list()
