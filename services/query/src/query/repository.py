"""Logs as query reads them: one by its id, or a page of a list within its time."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any

from daybook.runtime.clock import Stopwatch
from daybook.runtime.mongo import Document
from daybook.storage.collections import LOGS
from daybook.storage.logs import BY_TIME
from daybook.storage.times import to_ms
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from query.cursors import Cursor
from query.filters import Window
from query.plans import Plan, Span, Stretch, Tie
from query.search import Page, Search

_NEWEST_FIRST = {"created_at": -1, "_id": -1}
# A database that has not named one document by then is away.
SILENCE_SECONDS = 5.0
# How many keys of one millisecond a slice has where all of them are too many.
_TIE_SLICE = 5_000

LIST_FIELDS = {
    "request.headers": 0,
    "request.body": 0,
    "response.headers": 0,
    "response.body": 0,
    "refs": 0,
    "extra": 0,
}


class Logs:
    """Reads the ``logs`` collection and writes nothing."""

    def __init__(self, database: AsyncDatabase[Document], stopwatch: Stopwatch) -> None:
        self._logs = database[LOGS]
        self._stopwatch = stopwatch

    async def get(self, project_id: str, log_id: str) -> Document | None:
        """One log with everything in it."""
        async with asyncio.timeout(SILENCE_SECONDS):
            return await self._logs.find_one({"_id": f"{project_id}/{log_id}"})

    async def page(
        self,
        project_id: str,
        plan: Plan,
        window: Window,
        *,
        cursor: Cursor | None,
        limit: int,
        budget: timedelta,
    ) -> Page:
        """At most ``limit`` logs below the cursor, found within ``budget``.

        Rows that arrive or expire meanwhile move nothing: the place is a key, not a
        count.
        """
        deadline = self._stopwatch() + budget.total_seconds()
        search = Search(
            PlannedReads(self._logs, project_id, plan),
            plan,
            project_id,
            limit=limit,
            span=None if cursor is None else cursor.span,
            remaining=lambda: deadline - self._stopwatch(),
        )
        return await search.run(window, None if cursor is None else cursor.position)


@dataclass(frozen=True, slots=True)
class PlannedReads:
    """The reads of one search."""

    logs: AsyncCollection[Document]
    project_id: str
    plan: Plan

    async def find(
        self, stretch: Stretch, *, limit: int, seconds: float
    ) -> list[Document]:
        """Documents of one stretch without bodies, newest first."""
        return await self.logs.find(
            self.plan.query(self.project_id, stretch),
            LIST_FIELDS,
            sort=self.plan.order,
            hint=self.plan.index,
            limit=limit,
            # All in one batch: a second round trip would have a time of its own.
            batch_size=limit + 1,
            max_time_ms=_whole_ms(seconds),
        ).to_list()

    async def newest_in(self, span: Span, *, seconds: float) -> int | None:
        """When the newest log of the span happened, by one key of the index."""
        found = await self.logs.find_one(
            {"project_id": self.project_id, **span.created_at()},
            {"_id": 0, "created_at": 1},
            sort=_NEWEST_FIRST,
            hint=BY_TIME,
            max_time_ms=_whole_ms(seconds),
        )
        return None if found is None else to_ms(found["created_at"])

    async def far_below(self, tie: Tie, *, seconds: float) -> str | None:
        """The ``_id`` some thousand keys below within the tie; None near its end."""
        pipeline: list[dict[str, Any]] = [
            {"$match": {"project_id": self.project_id, **tie.created_at()}},
            {"$sort": _NEWEST_FIRST},
            {"$limit": _TIE_SLICE},
            {"$group": {"_id": None, "last": {"$last": "$_id"}, "n": {"$sum": 1}}},
        ]
        async with await self.logs.aggregate(
            pipeline, hint=BY_TIME, maxTimeMS=_whole_ms(seconds)
        ) as cursor:
            async for found in cursor:
                if found["n"] == _TIE_SLICE:
                    return found["last"]
        return None


def _whole_ms(seconds: float) -> int:
    # Zero would mean no limit at all.
    return max(1, ceil(seconds * 1000))
