"""Browsing compared with the same said in plain Python, over rows of any kind."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cmp_to_key
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from daybook.runtime.clock import monotonic
from daybook.runtime.objects import Objects
from daybook.testing.stored_exports import store_export
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from query.exports.browsing import reading
from query.exports.browsing.browser import Browser
from query.exports.browsing.cache import LocalParts
from query.exports.browsing.slices import Row

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
TYPES = {"a": "text", "b": "json", "t": "time", "n": "integer", "x": "number"}

# Letters whose case is one letter, more than one, or another in Turkish; what SQL, LIKE
# and regular expressions take for their own; and what numbers and times are made of.
LETTERS = st.sampled_from("aAbÄäİiIıßẞΣσςǅÉé%_\\'\"*.;-() \0\n🙂019:TZ")
TEXTS = st.one_of(st.none(), st.text(LETTERS, max_size=5))
ROWS = st.fixed_dictionaries(
    {
        "a": TEXTS,
        "b": TEXTS,
        "t": st.one_of(
            st.none(),
            st.integers(0, 10**6).map(lambda ms: NOW + timedelta(milliseconds=ms)),
        ),
        "n": st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(-3, 3)),
        "x": st.one_of(st.none(), st.sampled_from([0.5, -1.25, 12.0, 1e-3, 0.1 + 0.2])),
    }
)
PARTS = st.lists(st.lists(ROWS, max_size=6), min_size=1, max_size=4)
SEARCHES = st.one_of(
    st.none(),
    st.text(LETTERS, min_size=1, max_size=3),
    st.sampled_from(["2026-11-24t03:0", ".5", "-1", "12.0", ".000Z", "0:1", "3"]),
)
SORTS = st.one_of(st.none(), st.sampled_from([*TYPES, *(f"-{name}" for name in TYPES)]))


@given(
    parts=PARTS, q=SEARCHES, sort=SORTS, limit=st.integers(1, 4), hasty=st.booleans()
)
@settings(
    max_examples=60,
    deadline=None,
    # The loop that the test runs in is the same for all examples: it has no state.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@pytest.mark.asyncio
async def test_pages_are_what_plain_python_says(
    parts: Sequence[Sequence[Mapping[str, Any]]],
    q: str | None,
    sort: str | None,
    limit: int,
    hasty: bool,
) -> None:
    with TemporaryDirectory() as folder:
        export = store_export(Path(folder), TYPES, parts, finished_at=NOW)
        browser = Browser(
            LocalParts(Objects(folder), Path(folder) / "cache", 1),
            # Without any time each answer does the least that it can, and goes on.
            budget=timedelta(0 if hasty else 30),
            at_once=1,
            clock=lambda: NOW,
            stopwatch=monotonic,
        )
        # Few parts here are as many stretches as many are elsewhere.
        with patch.object(reading, "WIDEST", 1):
            found = await every_row(browser, export, q=q, sort=sort, limit=limit)

    rows = [row for part in parts for row in part]
    expected = reference(rows, q, sort)
    assert [row.number for row in found] == expected
    assert [row.cells for row in found] == [shown(rows[n - 1]) for n in expected]


async def every_row(
    browser: Browser,
    export: dict[str, Any],
    *,
    q: str | None,
    sort: str | None,
    limit: int,
) -> list[Row]:
    found: list[Row] = []
    cursor: str | None = None
    while True:
        page = await browser.rows(export, q=q, sort=sort, cursor=cursor, limit=limit)
        assert len(page.rows) <= limit
        assert page.searched is None or page.next_cursor is not None
        found += page.rows
        cursor = page.next_cursor
        if cursor is None:
            return found


def reference(
    rows: Sequence[Mapping[str, Any]], q: str | None, sort: str | None
) -> list[int]:
    """The numbers of the rows that are found, in order."""
    numbers = [n for n, row in enumerate(rows, 1) if q is None or has(row, q)]
    if sort is None:
        return numbers
    name, sign = sort.removeprefix("-"), -1 if sort.startswith("-") else 1

    def compare(one: int, other: int) -> int:
        left, right = rows[one - 1][name], rows[other - 1][name]
        if left is None or right is None:
            return (left is None) - (right is None)
        return sign * ((left > right) - (left < right))

    return sorted(numbers, key=cmp_to_key(compare))


def has(row: Mapping[str, Any], q: str) -> bool:
    return any(lower(q) in lower(text(cell)) for cell in shown(row) if cell is not None)


def lower(given: str) -> str:
    """Letter by letter, one for one: İ is i, as in every other language's text."""
    return "".join(letter.lower()[0] for letter in given)


def text(cell: str | float) -> str:
    return cell if isinstance(cell, str) else repr(cell)


def shown(row: Mapping[str, Any]) -> tuple[str | int | float | None, ...]:
    time: datetime | None = row["t"]
    moment = None
    if time is not None:
        moment = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return row["a"], row["b"], moment, row["n"], row["x"]
