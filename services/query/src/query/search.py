"""A list's search: slice by slice from the newest, each with a known end.

So a search whose time runs out can say how far back it got, and the next page goes on
from there; it never reads on without a bound.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from daybook.runtime.mongo import Document
from daybook.storage.times import MS_PER_HOUR, to_ms
from pymongo.errors import ExecutionTimeout

from query.cursors import Position
from query.filters import EARLIEST, LATEST, Window
from query.plans import Plan, Span, Stretch, Tie

# A walk over hours costs some microseconds an hour, a check of keys or documents as
# much for each of them: so the one starts wide and the other narrow.
FIRST_SPAN_EXACT = 7 * 24 * MS_PER_HOUR
FIRST_SPAN = MS_PER_HOUR
GROWTH = 8
# Caps what a slice that turns out too wide costs of the list's time.
SLICE_SECONDS = 0.4


@dataclass(frozen=True, slots=True)
class Page:
    """One page, newest first.

    ``next`` is where the list goes on, None at its end. ``searched_until`` is set when
    time ran out: all from there on has been looked at, nothing before it.
    """

    rows: Sequence[Document]
    next: Position | None = None
    searched_until: int | None = None
    span: int | None = None


class Reads(Protocol):
    """One project by one plan; each call raises ExecutionTimeout when late."""

    async def find(
        self, stretch: Stretch, *, limit: int, seconds: float
    ) -> list[Document]: ...

    async def newest_in(self, span: Span, *, seconds: float) -> int | None: ...

    async def far_below(self, tie: Tie, *, seconds: float) -> str | None: ...


class Search:
    """One page's search; it runs once."""

    def __init__(
        self,
        reads: Reads,
        plan: Plan,
        project_id: str,
        *,
        limit: int,
        span: int | None,
        remaining: Callable[[], float],
    ) -> None:
        self._reads = reads
        self._project_id = project_id
        self._limit = limit
        self._remaining = remaining
        self._found: list[Document] = []
        # Where each key is an answer and none is skipped, a page reads what it shows.
        self._in_one = plan.in_one
        first = FIRST_SPAN_EXACT if plan.exact else FIRST_SPAN
        self._span = span or first

    async def run(self, window: Window, start: Position | None) -> Page:
        """The page strictly below ``start``."""
        low = EARLIEST if window.after is None else window.after
        high = LATEST if window.before is None else window.before
        stop = None
        if start is not None:
            high = min(high, start.ms)
            if start.id is not None and start.ms >= low:
                stop = await self._tie(start.ms, f"{self._project_id}/{start.id}")
        if stop is None:
            stop = await self._spans(low, high)
        return self._page(stop)

    def _page(self, stop: Position | None) -> Page:
        rows = self._found[: self._limit]
        if self._full:
            last = rows[-1]
            return Page(rows, Position(to_ms(last["created_at"]), last["id"]))
        if stop is None:
            return Page(rows)
        # Part of a millisecond is not all of it.
        until = stop.ms if stop.id is None else stop.ms + 1
        return Page(rows, stop, until, self._span)

    @property
    def _full(self) -> bool:
        # One more than is shown tells whether there is a next page.
        return len(self._found) > self._limit

    async def _read(self, stretch: Stretch, seconds: float) -> None:
        missing = self._limit + 1 - len(self._found)
        self._found += await self._reads.find(stretch, limit=missing, seconds=seconds)

    async def _spans(self, low: int, high: int) -> Position | None:
        """Search [low, high); where it stopped, or None when nothing is left to do."""
        if self._in_one and low < high:
            await self._read(Span(low, high), self._remaining())
            return None
        while low < high and not self._full:
            if self._remaining() <= 0:
                return Position(high)
            try:
                # Events may lie years apart: nothing is between here and the next one.
                newest = await self._reads.newest_in(
                    Span(low, high), seconds=self._remaining()
                )
            except ExecutionTimeout:
                return Position(high)
            if newest is None:
                return None
            high = newest + 1
            bottom = max(low, high - self._span)
            if await self._slice(Span(bottom, high)):
                high = bottom
            elif bottom == newest:
                stop = await self._tie(newest, f"{self._project_id}0")
                if stop is not None:
                    return stop
                high = newest
        return None

    async def _slice(self, span: Span) -> bool:
        """Read one slice and fit the size of the next; False when it took too long."""
        before = self._remaining()
        try:
            await self._read(span, min(before, SLICE_SECONDS))
        except ExecutionTimeout:
            self._span = max(1, (span.high - span.low) // GROWTH)
            return False
        if before - self._remaining() < SLICE_SECONDS / GROWTH:
            self._span = min(self._span * GROWTH, LATEST - EARLIEST)
        return True

    async def _tie(self, ms: int, below_id: str) -> Position | None:
        """Search one millisecond below an id, in parts where it holds very much.

        A producer without a clock may put all that it ever says into one.
        """
        try:
            await self._read(Tie(ms, below_id), min(self._remaining(), SLICE_SECONDS))
        except ExecutionTimeout:
            pass
        else:
            return None
        while not self._full:
            stop = Position(ms, below_id.removeprefix(f"{self._project_id}/"))
            if self._remaining() <= 0:
                return stop
            try:
                from_id = await self._reads.far_below(
                    Tie(ms, below_id), seconds=self._remaining()
                )
                await self._read(Tie(ms, below_id, from_id), self._remaining())
            except ExecutionTimeout:
                return stop
            if from_id is None:
                return None
            below_id = from_id
        return None
