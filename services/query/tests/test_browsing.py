"""Browsing an export: pages, search, order, whole rows, and nothing else."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from daybook.runtime.clock import monotonic
from daybook.runtime.objects import Objects
from daybook.testing.stored_exports import store_export
from query.api.errors import ApiError
from query.cursors import InvalidCursor
from query.exports.browsing.browser import Browser
from query.exports.browsing.cache import LocalParts
from query.exports.browsing.slices import Slice

Document = dict[str, Any]
NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
ROWS_OF_A_PART = 40
TYPES = {
    "id": "text",
    "created_at": "time",
    "request_duration": "number",
    "data": "json",
}
BIG = '{"n": 123456789012345678901234567890}'


def rows_of(number: int) -> list[Document]:
    return [
        {
            "id": f"log-{n:03d}" + (" Ärger % _ ' \" \\" if n == 77 else ""),
            "created_at": NOW - timedelta(minutes=n),
            "request_duration": None if n % 10 == 3 else float(n * 7 % 50),
            "data": BIG if n % 2 else None,
        }
        for n in range(number)
    ]


@pytest.fixture
def rows() -> list[Document]:
    return rows_of(100)


@pytest.fixture
def export(tmp_path: Path, rows: list[Document]) -> Document:
    """An export that is done, in parts of forty rows."""
    starts = range(0, len(rows), ROWS_OF_A_PART)
    parts = [rows[start : start + ROWS_OF_A_PART] for start in starts]
    return store_export(tmp_path, TYPES, parts, finished_at=NOW)


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    return make_browser(tmp_path, lambda: NOW)


def make_browser(folder: Path, clock: Callable[[], datetime]) -> Browser:
    local = LocalParts(Objects(str(folder)), folder / "cache", 10**9)
    return Browser(
        local,
        budget=timedelta(seconds=5),
        at_once=2,
        clock=clock,
        stopwatch=monotonic,
    )


async def every(
    browser: Browser,
    export: Document,
    *,
    q: str | None = None,
    sort: str | None = None,
    limit: int = 7,
) -> list[str]:
    """The ids of all pages."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await browser.rows(export, q=q, sort=sort, cursor=cursor, limit=limit)
        found += ids(page)
        cursor = page.next_cursor
        if cursor is None:
            return found


def ids(page: Slice) -> list[str]:
    return [str(row.cells[0]) for row in page.rows]


async def test_pages_show_each_row_once_in_the_order_of_the_file(
    browser: Browser, export: Document, rows: list[Document]
) -> None:
    assert await every(browser, export) == [row["id"] for row in rows]


async def test_values_are_as_they_were_exported(
    browser: Browser, export: Document
) -> None:
    page = await browser.rows(export, q=None, sort=None, cursor=None, limit=2)

    assert [column.type for column in page.columns] == [
        "text",
        "time",
        "number",
        "json",
    ]
    assert page.rows[1].cells == ("log-001", "2026-11-24T02:59:00.000Z", 7.0, BIG)
    assert page.total == 100


@pytest.mark.parametrize("sort", ["request_duration", "-request_duration"])
async def test_sorted_pages_show_each_row_once_and_absent_values_last(
    browser: Browser, export: Document, rows: list[Document], sort: str
) -> None:
    sign = -1 if sort.startswith("-") else 1

    def place(row: Document) -> tuple[bool, float]:
        value: float | None = row["request_duration"]
        return value is None, 0.0 if value is None else sign * value

    expected = [row["id"] for row in sorted(rows, key=place)]
    assert await every(browser, export, sort=sort) == expected


HOSTILE = ("%", "_", "'", '"', "\\", "' OR 1=1 --", "'; DROP TABLE best; --")
ORDINARY = ("log-07", "LOG-07", "ärger", "ÄRGER", "12345678901234", "02:5", "nowhere")


@pytest.mark.parametrize("q", [*ORDINARY, *HOSTILE])
async def test_a_search_is_of_text_and_nothing_but_text(
    browser: Browser, export: Document, rows: list[Document], q: str
) -> None:
    expected = [row["id"] for row in rows if q.lower() in shown(row).lower()]

    assert await every(browser, export, q=q) == expected
    assert sorted(await every(browser, export, q=q, sort="id")) == sorted(expected)


def shown(row: Document) -> str:
    """The row's values as a page has them, one below the other."""
    time = row["created_at"].strftime("%Y-%m-%dT%H:%M:%S.000Z")
    number = row["request_duration"]
    values: Sequence[str | None] = (
        row["id"],
        time,
        None if number is None else f"{number}",
        row["data"],
    )
    return "\n".join(value for value in values if value is not None)


async def test_one_row_is_read_by_its_number(
    browser: Browser, export: Document
) -> None:
    found = await browser.row(export, 78)

    assert found.row.number == 78
    assert found.row.cells[3] == BIG


@pytest.mark.parametrize("number", [0, 101, -1])
async def test_a_row_that_is_not_there_is_not_found(
    browser: Browser, export: Document, number: int
) -> None:
    with pytest.raises(ApiError) as refused:
        await browser.row(export, number)

    assert refused.value.status == 404


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"status": "IN_PROGRESS"}, 409),
        ({"status": "ERROR"}, 409),
        ({"recorded": {"url": "https://files.example/1"}}, 409),
        ({"expires_at": NOW}, 410),
    ],
)
async def test_what_cannot_be_browsed_says_why(
    browser: Browser, export: Document, changes: Document, status: int
) -> None:
    with pytest.raises(ApiError) as refused:
        await browser.rows(
            {**export, **changes}, q=None, sort=None, cursor=None, limit=1
        )

    assert refused.value.status == status


async def test_a_cursor_of_another_search_is_refused(
    browser: Browser, export: Document
) -> None:
    page = await browser.rows(export, q="log", sort=None, cursor=None, limit=1)

    with pytest.raises(InvalidCursor):
        await browser.rows(
            export, q="other", sort=None, cursor=page.next_cursor, limit=1
        )
