"""The reads of one list's search, as MongoDB gets them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil
from typing import Any

from daybook.runtime.clock import Stopwatch
from daybook.runtime.mongo import Document
from daybook.storage.times import to_ms
from pymongo.asynchronous.collection import AsyncCollection

from query.cursors import Cursor
from query.filters import Window
from query.plans import NEWEST_FIRST, Conditions, Plan, Span, Stretch, Tie, merged
from query.search import Page, Search

# The index of the whole list, by the same name in every collection.
_BY_TIME = "by_time"
# A database that has not named one document by then is away.
SILENCE_SECONDS = 5.0
# How many keys of one millisecond a slice has where all of them are too many.
_TIE_SLICE = 5_000


class Source:
    """A collection whose documents are listed newest first; nothing is written.

    ``shown`` projects a document to what a list shows.
    """

    def __init__(
        self,
        collection: AsyncCollection[Document],
        shown: dict[str, int],
        stopwatch: Stopwatch,
    ) -> None:
        self._collection = collection
        self._shown = shown
        self._stopwatch = stopwatch

    async def get(
        self, project_id: str, thing_id: str, shown: dict[str, int] | None = None
    ) -> Document | None:
        """One document by its id; TimeoutError when nothing answers."""
        async with asyncio.timeout(SILENCE_SECONDS):
            return await self._collection.find_one(
                {"_id": f"{project_id}/{thing_id}"}, shown
            )

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
        """At most ``limit`` documents below the cursor, found within ``budget``.

        Rows that arrive or expire meanwhile move nothing: the place is a key, not a
        count.
        """
        deadline = self._stopwatch() + budget.total_seconds()
        search = Search(
            PlannedReads(self._collection, project_id, plan, self._shown),
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

    collection: AsyncCollection[Document]
    project_id: str
    plan: Plan
    shown: dict[str, int] = field(default_factory=dict[str, int])

    async def find(
        self, stretch: Stretch, *, limit: int, seconds: float
    ) -> list[Document]:
        """Documents of one stretch as lists show them, newest first."""
        return await self.collection.find(
            self.plan.query(self.project_id, stretch),
            self.shown,
            sort=self.plan.order,
            hint=self.plan.index,
            limit=limit,
            # All in one batch: a second round trip would have a time of its own.
            batch_size=limit + 1,
            max_time_ms=whole_ms(seconds),
        ).to_list()

    @property
    def _whole(self) -> tuple[str, Sequence[Conditions]]:
        """The narrowest index that is ordered by time alone, and how it is walked."""
        if self.plan.refs:
            return _BY_TIME, ({},)
        return self.plan.index, self.plan.within

    async def newest_in(self, span: Span, *, seconds: float) -> int | None:
        """When the newest of the span happened, by one key of the index."""
        index, walks = self._whole
        found = await self.collection.find_one(
            merged(self.project_id, span, walks),
            {"_id": 0, "created_at": 1},
            sort=NEWEST_FIRST,
            hint=index,
            max_time_ms=whole_ms(seconds),
        )
        return None if found is None else to_ms(found["created_at"])

    async def far_below(self, tie: Tie, *, seconds: float) -> str | None:
        """The ``_id`` some thousand keys below within the tie; None near its end."""
        index, walks = self._whole
        pipeline: list[dict[str, Any]] = [
            {"$match": merged(self.project_id, tie, walks)},
            {"$sort": NEWEST_FIRST},
            {"$limit": _TIE_SLICE},
            {"$group": {"_id": None, "last": {"$last": "$_id"}, "n": {"$sum": 1}}},
        ]
        async with await self.collection.aggregate(
            pipeline, hint=index, maxTimeMS=whole_ms(seconds)
        ) as cursor:
            async for found in cursor:
                if found["n"] == _TIE_SLICE:
                    return found["last"]
        return None


def whole_ms(seconds: float) -> int:
    """Milliseconds for MongoDB, at least one: zero would mean no limit at all."""
    return max(1, ceil(seconds * 1000))
