"""Sendouts as query reads them: lists, one with what was sent, and its attempts."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from daybook.runtime.clock import Clock, Stopwatch
from daybook.runtime.mongo import Document
from daybook.storage.collections import SENDOUTS
from pymongo.asynchronous.database import AsyncDatabase

from query.cursors import Cursor, Position, read_cursor, write_cursor
from query.filters import Filters, Window
from query.lists import Listed, Lists, Slice
from query.reads import SILENCE_SECONDS, Source
from query.webhooks.endpoint_repository import EndpointRepository
from query.webhooks.filters import default_window
from query.webhooks.plans import plan_sendouts

LIST: Final = "webhook_sendouts"
ATTEMPTS: Final = "webhook_attempts"
# Counted exactly; beyond it there are "at least" so many.
MOST_COUNTED: Final = 10_000

# A payload may be of megabytes, and a history of a hundred bodies.
_LISTED: Final = {"payload": 0, "history": 0, "refs": 0}
_WHOLE: Final = {"history": 0, "refs": 0}
_COUNTED: Final = {"_id": 0, "id": 1, "created_at": 1}


class NoSuchSendout(LookupError):
    """There is no sendout of that id in the project."""

    def __init__(self, sendout_id: str) -> None:
        self.sendout_id = sendout_id
        super().__init__(sendout_id)


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are; ``at_least``: that many were found, and there may be more."""

    number: int
    at_least: bool


class Sendouts:
    """Reads the ``sendouts`` collection and writes nothing.

    Each sendout has a ``target_url``: where it was sent to, and before its first
    attempt where its endpoint is now. All raise TimeoutError when nothing answers.
    """

    def __init__(
        self,
        database: AsyncDatabase[Document],
        endpoints: EndpointRepository,
        clock: Clock,
        stopwatch: Stopwatch,
        budget: timedelta,
    ) -> None:
        collection = database[SENDOUTS]
        self._endpoints = endpoints
        self._clock = clock
        self._budget = budget
        self._source = Source(collection, _LISTED, stopwatch)
        self._counted = Source(collection, _COUNTED, stopwatch)
        self._lists = Lists(LIST, self._source, plan_sendouts, clock, budget)

    async def page(
        self, project_id: str, filters: Filters, *, cursor_text: str | None, limit: int
    ) -> Listed:
        """One page, newest first; raises InvalidCursor."""
        span = default_window(filters)
        return await self.page_within(
            project_id, filters, span, cursor_text=cursor_text, limit=limit
        )

    async def page_within(
        self,
        project_id: str,
        filters: Filters,
        span: timedelta | None,
        *,
        cursor_text: str | None,
        limit: int,
    ) -> Listed:
        """The same, back to ``span`` ago where no time was asked for; None is all."""
        page = await self._lists.page(
            project_id,
            filters,
            cursor_text=cursor_text,
            limit=limit,
            default_window=span,
        )
        return replace(page, rows=await self._with_target(page.rows))

    async def get(self, project_id: str, sendout_id: str) -> Document:
        """One sendout with its payload; raises :class:`NoSuchSendout`."""
        found = await self._found(project_id, sendout_id, _WHOLE)
        return (await self._with_target([found]))[0]

    async def require(self, project_id: str, sendout_id: str) -> None:
        """Raise :class:`NoSuchSendout` unless there is one."""
        await self._found(project_id, sendout_id, {"_id": 1})

    async def attempts(
        self, project_id: str, sendout_id: str, *, cursor_text: str | None, limit: int
    ) -> Slice:
        """The attempts that are kept of one sendout, newest first.

        Raises :class:`NoSuchSendout` and InvalidCursor.
        """
        asked = Filters({"sendout": (sendout_id,)})
        below: int | None = None
        if cursor_text is not None:
            cursor = read_cursor(cursor_text, ATTEMPTS, project_id, asked)
            below = cursor.position.ms
        found = await self._found(project_id, sendout_id, {"history": 1})
        history: list[Document] = found.get("history", [])
        left = [one for one in history if below is None or one["attempt"] < below]
        left.sort(key=lambda one: one["attempt"], reverse=True)
        if len(left) <= limit:
            return Slice(left, None)
        place = Cursor(Position(left[limit - 1]["attempt"]), Window())
        following = write_cursor(place, ATTEMPTS, project_id, asked)
        return Slice(left[:limit], following)

    async def count(self, project_id: str, filters: Filters, window: Window) -> Count:
        """How many of the window match, exactly up to 10,000, within the budget."""
        async with asyncio.timeout(self._budget.total_seconds() + SILENCE_SECONDS):
            page = await self._counted.page(
                project_id,
                plan_sendouts(filters),
                window,
                cursor=None,
                limit=MOST_COUNTED,
                budget=self._budget,
            )
        return Count(len(page.rows), page.next is not None)

    async def _found(
        self, project_id: str, sendout_id: str, shown: dict[str, int]
    ) -> Document:
        found = await self._source.get(project_id, sendout_id, shown)
        if found is None:
            raise NoSuchSendout(sendout_id)
        return found

    async def _with_target(self, sendouts: Sequence[Document]) -> list[Document]:
        unsent = [one for one in sendouts if one.get("target_url") is None]
        keys = {_endpoint_key(one) for one in unsent}
        urls: dict[str, Any] = await self._endpoints.urls(sorted(keys))
        return [
            one
            if one.get("target_url") is not None
            else one | {"target_url": urls.get(_endpoint_key(one))}
            for one in sendouts
        ]


def _endpoint_key(sendout: Document) -> str:
    return f"{sendout['project_id']}/{sendout['endpoint_id']}"
