"""How one answer is read: stretch by stretch within its time, then what it shows."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from daybook.runtime.clock import Stopwatch
from daybook.storage.times import from_ms

from query.exports.browsing.cache import LocalParts
from query.exports.browsing.cursors import Place
from query.exports.browsing.parts import WIDEST, Part, Stretch, grouped, stretches
from query.exports.browsing.session import Interrupted, Session, columns_in
from query.exports.browsing.slices import Cell, Column, Row
from query.exports.browsing.statements import (
    Beyond,
    Order,
    Source,
    Statement,
    best,
    found,
    kept,
    kept_again,
    new_best,
    shown,
    trimmed_best,
    value_of,
)
from query.shapes import time_text

# What an answer must do to get on at all may take this much longer than its time.
GRACE_SECONDS = 5.0
# An interrupt that came between two statements is not heard: it is said again.
_AGAIN_SECONDS = 0.02
# The rows of a sorted page are in many parts; so many of these are read as one.
_SIDE_BY_SIDE = 8

T = TypeVar("T")
Answer = list[tuple[Any, ...]]


class OutOfTime(Exception):
    """The time was over before this was done."""


@dataclass(frozen=True, slots=True)
class Found:
    """Rows to be shown, by number and in order, and where the next page begins.

    ``searched``: as many rows were gone through when the time was over, else None.
    """

    numbers: Sequence[int]
    next: Place | None
    searched: int | None = None


class Reading:
    """The reads of one answer, one after the other.

    Every method raises :class:`OutOfTime` where not even the least could be done, and
    the errors of :class:`Session` and :class:`LocalParts`.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        local: LocalParts,
        session: Session,
        pool: Executor,
        *,
        stopwatch: Stopwatch,
        deadline: float,
    ) -> None:
        self._parts = parts
        self._local = local
        self._session = session
        self._pool = pool
        self._stopwatch = stopwatch
        self._deadline = deadline
        self.reached: Sequence[Part] = ()  # what is or was last read

    @property
    def _total(self) -> int:
        return self._parts[-1].end

    async def columns(self, number: int) -> Sequence[Column]:
        """The export's columns, from the part that holds the row, or from the last."""
        holding = (part for part in self._parts if number <= part.end)
        part = next(holding, self._parts[-1])
        return await self._read(
            _whole(part), lambda source: columns_in(source.files[0]), least=True
        )

    def following(self, place: Place, limit: int) -> Found:
        """The rows as they were exported: nothing need be read to know them."""
        end = min(place.through + limit, self._total)
        more = Place(end) if end < self._total else None
        return Found(range(place.through + 1, end + 1), more)

    async def search(
        self, columns: Sequence[Column], q: str, place: Place, limit: int
    ) -> Found:
        """The first rows from a place on that have the text."""
        numbers: list[int] = []
        through = place.through
        for stretch in stretches(self._parts, through, width=1):
            try:
                read = await self._run(
                    stretch,
                    lambda source: found(source, columns, q, limit + 1),
                    least=through == place.through,
                )
            except OutOfTime:
                if through == place.through:
                    raise
                return Found(numbers, Place(through), through)
            numbers += [number for (number,) in read]
            if len(numbers) > limit:
                return Found(numbers[:limit], Place(numbers[limit - 1]))
            through = stretch.end
        return Found(numbers, None)

    async def ordered(
        self,
        columns: Sequence[Column],
        q: str | None,
        order: Order,
        place: Place,
        limit: int,
    ) -> Found:
        """The rows that come next in an order; none before all parts are through."""
        beyond = await self._beyond(order, place.after)
        most, through = limit + 1, place.through
        await self._begin(order, place.best)

        def keep(source: Source) -> None:
            self._session.run(kept(source, columns, q, order, beyond, most))
            self._session.run(trimmed_best(order, most))

        for stretch in stretches(self._parts, through, width=WIDEST):
            try:
                await self._read(stretch, keep, least=through == place.through)
            except OutOfTime:
                if through == place.through:
                    raise
                numbers = await self._best(order, through)
                return Found((), Place(through, place.after, numbers), through)
            through = stretch.end
        numbers = await self._best(order, through)
        more = Place(after=numbers[limit - 1]) if len(numbers) > limit else None
        return Found(numbers[:limit], more)

    async def rows(
        self, columns: Sequence[Column], numbers: Sequence[int], cut: int | None
    ) -> Sequence[Row]:
        """Rows by number, in that order; text beyond ``cut`` characters is cut off."""
        read: dict[int, Row] = {}
        held = list(grouped(self._parts, numbers).items())
        for start in range(0, len(held), _SIDE_BY_SIDE):
            some = held[start : start + _SIDE_BY_SIDE]
            stretch = Stretch([part for part, _ in some], 0, 0)
            inside = [inside for _, inside in some]
            statement = partial(shown, columns=columns, numbers=inside, cut=cut)
            for values in await self._run(stretch, statement, least=True):
                read[values[0]] = _row(columns, values)
        return [read[number] for number in numbers]

    async def _beyond(self, order: Order, number: int) -> Beyond | None:
        for part in grouped(self._parts, [number]):
            statement = partial(value_of, order=order, number=number)
            [(value,)] = await self._run(_whole(part), statement, least=True)
            return Beyond(number, value)
        return None

    async def _begin(self, order: Order, numbers: Sequence[int]) -> None:
        """Make the table of the rows that come next, with those found before."""
        await self._alone(new_best(order))
        for part, inside in grouped(self._parts, numbers).items():
            statement = partial(kept_again, order=order, numbers=inside)
            await self._run(_whole(part), statement, least=True)

    async def _best(self, order: Order, through: int) -> tuple[int, ...]:
        return tuple(number for (number,) in await self._alone(best(order, through)))

    async def _alone(self, sql: str) -> Answer:
        """A statement that reads no part."""
        seconds = self._left(least=True)
        return await self._thread(lambda: self._session.run(sql), seconds)

    async def _run(
        self,
        stretch: Stretch,
        statement: Callable[[Source], Statement],
        *,
        least: bool,
    ) -> Answer:
        return await self._read(
            stretch, lambda source: self._session.run(statement(source)), least=least
        )

    async def _read(
        self, stretch: Stretch, work: Callable[[Source], T], *, least: bool
    ) -> T:
        """Do what reads a stretch, its parts brought first.

        ``least``: without it the answer would be none, so it has the grace too.
        """
        self.reached = stretch.parts
        async with AsyncExitStack() as borrowing:
            try:
                async with asyncio.timeout(self._left(least=least)):
                    await borrowing.enter_async_context(
                        self._local.borrowed(stretch.parts)
                    )
            except TimeoutError as error:
                raise OutOfTime from error
            files = [str(self._local.path(part)) for part in stretch.parts]
            source = Source(stretch, files)
            return await self._thread(lambda: work(source), self._left(least=least))

    async def _thread(self, work: Callable[[], T], seconds: float) -> T:
        """Work in a thread; it has ended when this does, whatever ends it."""
        if seconds <= 0:
            raise OutOfTime
        running = asyncio.get_running_loop().run_in_executor(self._pool, work)
        cancelled: asyncio.CancelledError | None = None
        try:
            await asyncio.wait({running}, timeout=seconds)
        except asyncio.CancelledError as error:
            cancelled = error
        while not running.done():
            self._session.interrupt()
            try:
                await asyncio.wait({running}, timeout=_AGAIN_SECONDS)
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            running.exception()  # nobody is left to hear it
            raise cancelled
        try:
            return running.result()
        except Interrupted as error:
            raise OutOfTime from error

    def _left(self, *, least: bool) -> float:
        left = self._deadline - self._stopwatch()
        return left + GRACE_SECONDS if least else left


def _whole(part: Part) -> Stretch:
    return Stretch((part,), part.before, part.end)


def _row(columns: Sequence[Column], read: tuple[Any, ...]) -> Row:
    number, *cells = read
    values, longer = cells[: len(columns)], cells[len(columns) :]
    return Row(
        number,
        tuple(map(_shown, columns, values)),
        frozenset(
            column.name
            for column, is_longer in zip(columns, longer, strict=True)
            if is_longer
        ),
    )


def _shown(column: Column, value: Cell) -> Cell:
    if column.type == "time" and isinstance(value, int):
        return time_text(from_ms(value))
    return value
