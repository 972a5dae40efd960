"""Reads an export's rows out of its columnar parts."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from daybook.runtime.clock import Clock, Stopwatch
from daybook.runtime.objects import ObjectMissing, ObjectsUnavailable

from query.exports.browsing import errors
from query.exports.browsing.cache import LocalParts
from query.exports.browsing.cursors import Place, read_place, write_place
from query.exports.browsing.parts import Part, browsable, parts_of
from query.exports.browsing.reading import Found, OutOfTime, Reading
from query.exports.browsing.session import PartUnreadable, Session, TooLarge
from query.exports.browsing.slices import Column, SingleRow, Slice
from query.exports.browsing.statements import Order
from query.filters import LONGEST_VALUE, InvalidFilters

# How many characters of a text a page of rows has: enough to know a body by.
SHOWN_CHARACTERS = 1_000
# Somebody who comes while all are busy waits for this long before hearing so.
TURN_SECONDS = 1.0


class Browser:
    """Pages of an export's rows; nothing is written, and no file leaves the server.

    ``export`` is a document of ``exports`` of the caller's own project. ``at_once``
    answers are read at a time, each with two cores and 512 MB at most. An answer whose
    task is cancelled stops reading. Making it opens nothing.
    """

    def __init__(
        self,
        local: LocalParts,
        *,
        budget: timedelta,
        at_once: int,
        clock: Clock,
        stopwatch: Stopwatch,
    ) -> None:
        self._local = local
        self._budget = budget.total_seconds()
        self._turns = asyncio.Semaphore(at_once)
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="browse")
        self._clock = clock
        self._stopwatch = stopwatch

    async def rows(
        self,
        export: Mapping[str, Any],
        *,
        q: str | None = None,
        sort: str | None = None,
        cursor: str | None = None,
        limit: int = 25,
    ) -> Slice:
        """At most ``limit`` rows; ``sort`` is a column's name, or ``-`` and one.

        ``q`` is text that a row has in any column as it is shown, whatever its case.
        Raises :class:`InvalidFilters` (of ``q`` and ``sort``), :class:`InvalidCursor`,
        and the API's errors: 409 not to be browsed, 410 expired, 503 too many at once
        or storage away.
        """
        q, sort = q or None, sort or None
        _check_text(q)
        browsable(export, self._clock())
        parts = parts_of(export)
        total = parts[-1].end
        place = Place()
        if cursor is not None:
            place = read_place(cursor, export=export["_id"], q=q, sort=sort, rows=total)
        async with self._reading(export, parts) as reading:
            columns = await reading.columns(place.through + 1)
            if sort is not None:
                order = _order(columns, sort)
                page = await reading.ordered(columns, q, order, place, limit)
            elif q is not None:
                page = await reading.search(columns, q, place, limit)
            else:
                page = reading.following(place, limit)
            rows = await reading.rows(columns, page.numbers, SHOWN_CHARACTERS)
        following = _next(page, export, q, sort)
        return Slice(columns, rows, total, following, page.searched)

    async def row(self, export: Mapping[str, Any], number: int) -> SingleRow:
        """One row with all its text; raises the same, and 404 where there is none."""
        browsable(export, self._clock())
        parts = parts_of(export)
        if not 1 <= number <= parts[-1].end:
            raise errors.no_such_row(export, number, parts[-1].end)
        async with self._reading(export, parts) as reading:
            columns = await reading.columns(number)
            [row] = await reading.rows(columns, [number], None)
        return SingleRow(columns, row)

    @asynccontextmanager
    async def _reading(
        self, export: Mapping[str, Any], parts: Sequence[Part]
    ) -> AsyncGenerator[Reading]:
        """A turn and a database of its own; what goes wrong becomes the API's error."""
        deadline = self._stopwatch() + self._budget
        async with self._turn(), self._session(parts) as session:
            reading = Reading(
                parts,
                self._local,
                session,
                self._pool,
                stopwatch=self._stopwatch,
                deadline=deadline,
            )
            try:
                yield reading
            except OutOfTime as error:
                raise errors.too_slow(export) from error
            except TooLarge as error:
                raise errors.too_large(export) from error
            except ObjectMissing as error:
                raise errors.files_missing(export) from error
            except ObjectsUnavailable as error:
                raise errors.storage_away() from error
            except PartUnreadable as error:
                # A copy may have been damaged, or removed by another process: it is
                # brought again next time.
                if await self._local.forget(reading.reached):
                    raise errors.storage_away() from error
                raise errors.files_missing(export) from error

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._turns.acquire()
        except TimeoutError as error:
            raise errors.busy() from error
        try:
            yield
        finally:
            self._turns.release()

    @asynccontextmanager
    async def _session(self, parts: Sequence[Part]) -> AsyncGenerator[Session]:
        files = [str(self._local.path(part)) for part in parts]
        loop = asyncio.get_running_loop()
        opening = loop.run_in_executor(self._pool, Session, files)
        try:
            await asyncio.shield(opening)
            yield opening.result()
        finally:
            # It is short, and nobody else would close it.
            (await opening).close()


def _check_text(q: str | None) -> None:
    if q is None:
        return
    if len(q) > LONGEST_VALUE:
        raise InvalidFilters({"q": f"give at most {LONGEST_VALUE} characters"})
    try:
        q.encode()
    except UnicodeEncodeError as error:
        raise InvalidFilters({"q": "is no text in Unicode"}) from error


def _order(columns: Sequence[Column], sort: str) -> Order:
    descending = sort.startswith("-")
    name = sort.removeprefix("-")
    for column in columns:
        if column.name == name:
            return Order(column, descending)
    names = ", ".join(column.name for column in columns)
    raise InvalidFilters({"sort": f"use one of {names}, or - and one of them"})


def _next(
    page: Found, export: Mapping[str, Any], q: str | None, sort: str | None
) -> str | None:
    if page.next is None:
        return None
    return write_place(page.next, export=export["_id"], q=q, sort=sort)
