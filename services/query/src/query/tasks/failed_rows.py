"""The rows that a task could not process: of its run, ordered by place."""

import asyncio
import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from daybook.runtime.mongo import Document
from daybook.storage.collections import TASK_FAILED_ROWS
from daybook.storage.tasks import FAILED_ROWS_BY_PLACE, MOST_FAILED_ROWS
from pymongo.asynchronous.database import AsyncDatabase

from query.cursors import Cursor, Position, read_cursor, write_cursor
from query.filters import Filters, Window
from query.lists import Slice
from query.reads import SILENCE_SECONDS

_NAME = "failed_rows"
COLUMNS = ("row", "code", "source_id", "reason")
# What a spreadsheet would run as a formula, or reads past, at the start of a cell.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class FailedRows:
    """Reads ``task_failed_rows``: at most 1,000 a run, so that a search reads them all.

    How many failed in all is the task's ``failed_count``.
    """

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._rows = database[TASK_FAILED_ROWS]

    async def all(self, task: Document, text: str = "") -> list[Document]:
        """Every row that is kept and holds ``text``; TimeoutError when none answers."""
        async with asyncio.timeout(SILENCE_SECONDS):
            return [row for row in await self._from(task, None) if _holds(row, text)]

    async def page(
        self, task: Document, text: str = "", *, cursor_text: str | None, limit: int
    ) -> Slice:
        """The rows that hold ``text``, whatever its case, in code, source id or reason.

        Raises InvalidCursor, and TimeoutError when nothing answers. A cursor goes on
        in the task's run of the moment.
        """
        project_id: str = task["project_id"]
        asked = Filters({"task": (task["id"],), "q": (text,)})
        start: Position | None = None
        if cursor_text is not None:
            start = read_cursor(
                cursor_text, _NAME, project_id, asked, latest=2**63 - 1
            ).position
        async with asyncio.timeout(SILENCE_SECONDS):
            left = await self._from(task, start)
        found = [row for row in left if _holds(row, text)]
        if len(found) <= limit:
            return Slice(found, None)
        last = found[limit - 1]
        place = Position(last["place"], last["_id"]["key"])
        following = write_cursor(Cursor(place, Window()), _NAME, project_id, asked)
        return Slice(found[:limit], following)

    async def _from(self, task: Document, start: Position | None) -> list[Document]:
        of_run = {"task": task["_id"], "run": task["run"]}
        conditions: dict[str, Any] = dict(of_run)
        if start is not None:
            conditions["$or"] = [
                {"place": {"$gt": start.ms}},
                {"place": start.ms, "_id": {"$gt": {**of_run, "key": start.id}}},
            ]
        return await self._rows.find(
            conditions,
            sort={"place": 1, "_id": 1},
            hint=FAILED_ROWS_BY_PLACE,
            limit=MOST_FAILED_ROWS,
        ).to_list()


def _holds(row: Document, text: str) -> bool:
    wanted = text.casefold()
    return not wanted or any(
        wanted in str(row["entry"].get(name, "")).casefold() for name in COLUMNS[1:]
    )


def csv_of(rows: Iterable[Mapping[str, Any]]) -> str:
    """Shapes of failed rows as CSV after RFC 4180, with a line of names.

    Text that a spreadsheet would take for a formula has an apostrophe in front.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(row[name]) for name in COLUMNS] for row in rows)
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
