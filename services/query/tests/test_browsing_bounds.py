"""What browsing may take, and where it ends: time, turns, files, and who waits."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from daybook.runtime.clock import Stopwatch, monotonic
from daybook.runtime.objects import Objects
from daybook.storage.exports import columns_part
from daybook.testing.stored_exports import store_export
from daybook.testing.waiting import eventually
from query.api.errors import ApiError
from query.exports.browsing.browser import Browser
from query.exports.browsing.cache import LocalParts
from query.exports.browsing.cursors import Place
from query.exports.browsing.parts import STRETCH_BYTES, Part, parts_of, stretches
from query.exports.browsing.reading import Found, Reading
from query.exports.browsing.session import Interrupted, Session, TooLarge
from query.exports.browsing.slices import Column
from query.exports.browsing.statements import Order, Statement
from query.filters import InvalidFilters

Document = dict[str, Any]
NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
TYPES = {"id": "text", "n": "integer"}


@pytest.fixture
def export(tmp_path: Path) -> Document:
    """An export of 200 rows in 20 parts; ``n`` falls."""
    rows = [{"id": f"log-{n:03d}", "n": -n} for n in range(200)]
    parts = [rows[start : start + 10] for start in range(0, 200, 10)]
    return store_export(tmp_path, TYPES, parts, finished_at=NOW)


def browser_in(
    folder: Path,
    *,
    budget: timedelta = timedelta(seconds=30),
    at_once: int = 1,
    stopwatch: Stopwatch = monotonic,
) -> Browser:
    return Browser(
        LocalParts(Objects(str(folder)), folder / "cache", 1),
        budget=budget,
        at_once=at_once,
        clock=lambda: NOW,
        stopwatch=stopwatch,
    )


def first_part(folder: Path, export: Document) -> Path:
    return folder / columns_part(export, export["parts"][0])


async def test_a_search_without_time_says_how_far_it_got_and_goes_on(
    tmp_path: Path, export: Document
) -> None:
    browser = browser_in(tmp_path, budget=timedelta(0))

    first = await browser.rows(export, q="log-019")
    second = await browser.rows(export, q="log-019", cursor=first.next_cursor)

    assert (first.rows, first.searched) == ([], 10)
    assert ([row.number for row in second.rows], second.searched) == ([20], 20)


@pytest.mark.parametrize(("sort", "numbers"), [("n", [80, 79]), ("-n", [1, 2])])
async def test_a_sorted_page_without_time_stays_empty_until_all_parts_are_through(
    tmp_path: Path, sort: str, numbers: list[int]
) -> None:
    rows = [{"id": "x", "n": -n} for n in range(80)]
    export = store_export(tmp_path, TYPES, [[row] for row in rows], finished_at=NOW)
    browser = browser_in(tmp_path, budget=timedelta(0))

    first = await browser.rows(export, sort=sort, limit=2)
    second = await browser.rows(export, sort=sort, limit=2, cursor=first.next_cursor)
    third = await browser.rows(export, sort=sort, limit=2, cursor=second.next_cursor)

    assert ([*first.rows], first.searched) == ([], 32)
    assert ([*second.rows], second.searched) == ([], 64)
    assert ([row.number for row in third.rows], third.searched) == (numbers, None)


class Tired(Session):
    """A database that is interrupted once it has taken in a second stretch."""

    def __init__(self, files: Sequence[str]) -> None:
        super().__init__(files)
        self._taken_in = 0

    def run(self, statement: Statement | str) -> list[tuple[Any, ...]]:
        if isinstance(statement, str) and "REPLACE" in statement:
            self._taken_in += 1
            if self._taken_in == 2:
                raise Interrupted
        return super().run(statement)


async def test_a_stretch_that_was_interrupted_is_gone_through_again_as_if_new(
    tmp_path: Path,
) -> None:
    rows = [{"id": "x", "n": -n} for n in range(80)]
    export = store_export(tmp_path, TYPES, [[row] for row in rows], finished_at=NOW)
    parts = parts_of(export)
    local = LocalParts(Objects(str(tmp_path)), tmp_path / "cache", 1)
    session = Tired([str(local.path(part)) for part in parts])
    columns = [Column("id", "text"), Column("n", "integer")]

    with ThreadPoolExecutor(1) as pool:
        reading = Reading(
            parts, local, session, pool, stopwatch=lambda: 0.0, deadline=30.0
        )
        order = Order(columns[1], descending=False)
        found = await reading.ordered(columns, None, order, Place(), 2)

    assert found == Found((), Place(through=32, best=(32, 31, 30)), searched=32)


async def test_a_cursor_stays_short_however_long_the_values_are(tmp_path: Path) -> None:
    long = "x" * 1_000_000
    rows = [{"id": f"{long}{n}", "n": n} for n in range(30)]
    export = store_export(tmp_path, TYPES, [rows], finished_at=NOW)

    page = await browser_in(tmp_path).rows(export, sort="-id", limit=25)

    assert page.next_cursor is not None
    assert len(page.next_cursor) < 500
    assert page.rows[0].cells == ("x" * 1_000, 9)
    assert page.rows[0].cut == {"id"}


async def test_a_row_by_its_number_is_whole(tmp_path: Path) -> None:
    long = "ä" * 1_000_000
    export = store_export(tmp_path, TYPES, [[{"id": long, "n": 1}]], finished_at=NOW)

    found = await browser_in(tmp_path).row(export, 1)

    assert found.row.cells == (long, 1)
    assert found.row.cut == frozenset()


async def test_an_export_without_rows_has_columns_and_an_empty_page(
    tmp_path: Path,
) -> None:
    export = store_export(tmp_path, TYPES, [[]], finished_at=NOW)
    browser = browser_in(tmp_path)

    pages = [
        await browser.rows(export),
        await browser.rows(export, q="x"),
        await browser.rows(export, sort="n"),
    ]

    for page in pages:
        assert [column.name for column in page.columns] == ["id", "n"]
        assert ([*page.rows], page.total, page.next_cursor) == ([], 0, None)


async def test_whoever_comes_while_all_are_busy_is_told_to_come_again(
    tmp_path: Path, export: Document
) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()
    browser = browser_in(tmp_path)

    async def holding() -> None:
        async with browser._turn():  # pyright: ignore[reportPrivateUsage]
            reached.set()
            await go_on.wait()

    first = asyncio.create_task(holding())
    await reached.wait()
    with pytest.raises(ApiError) as refused:
        await browser.rows(export)
    go_on.set()
    await first

    assert (refused.value.status, refused.value.key) == (503, "browsing_busy")
    assert int(refused.value.headers["retry-after"]) > 0
    assert len((await browser.rows(export)).rows) == 25


async def test_who_goes_away_frees_the_turn(tmp_path: Path, export: Document) -> None:
    browser = browser_in(tmp_path, at_once=1)

    for steps in range(12):
        searching = asyncio.create_task(browser.rows(export, q="9", sort="id"))
        for _ in range(steps):
            await asyncio.sleep(0)
        searching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await searching

    assert (await browser.row(export, 1)).row.number == 1


async def test_a_statement_that_never_ends_is_interrupted() -> None:
    session = Session([])
    endless = "SELECT count(*) FROM range(1000000000000000) WHERE hash(range) = 1"
    running = asyncio.create_task(asyncio.to_thread(session.run, endless))

    async def ended() -> bool:
        session.interrupt()
        return running.done()

    assert await eventually(ended)
    with pytest.raises(Interrupted):
        await running


async def test_what_was_found_within_the_time_is_shown(tmp_path: Path) -> None:
    rows = [{"id": "ab" * 5_000, "n": n} for n in range(10)]
    export = store_export(tmp_path, TYPES, [rows] * 3, finished_at=NOW)
    # The first stretch is the least; by the second the time is over.
    moments = iter([0.0] * 6)
    browser = browser_in(
        tmp_path, budget=timedelta(seconds=1), stopwatch=lambda: next(moments, 2.0)
    )

    found = await browser.rows(export, q="ba", limit=100)

    assert found.searched == 10
    assert len(found.rows) == 10


@pytest.mark.parametrize("q", ["x" * 10_000, "\ud800"])
async def test_a_search_that_is_no_sane_text_is_refused(
    tmp_path: Path, export: Document, q: str
) -> None:
    with pytest.raises(InvalidFilters):
        await browser_in(tmp_path).rows(export, q=q)


@pytest.mark.parametrize(
    "sort", ["nope", "--n", "n; DROP TABLE best", '"n"', "file_row_number", "-"]
)
async def test_only_an_exported_column_sorts(
    tmp_path: Path, export: Document, sort: str
) -> None:
    with pytest.raises(InvalidFilters, match="use one of id, n"):
        await browser_in(tmp_path).rows(export, sort=sort)


async def test_files_that_somebody_removed_are_said_to_be_gone(
    tmp_path: Path, export: Document
) -> None:
    first_part(tmp_path, export).unlink()

    with pytest.raises(ApiError) as refused:
        await browser_in(tmp_path).rows(export)

    assert (refused.value.status, refused.value.key) == (410, "export_files_missing")


async def test_a_file_that_is_no_parquet_is_said_to_be_gone(
    tmp_path: Path, export: Document
) -> None:
    first_part(tmp_path, export).write_bytes(b"PAR1 something else altogether")

    with pytest.raises(ApiError) as refused:
        await browser_in(tmp_path).rows(export)

    assert (refused.value.status, refused.value.key) == (410, "export_files_missing")


async def test_a_folder_whose_name_is_a_pattern_is_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "we[i]rd * {a,b} ? 'quoted'"
    export = store_export(folder, TYPES, [[{"id": "a", "n": 1}]], finished_at=NOW)

    page = await browser_in(folder).rows(export, q="A")

    assert [row.cells for row in page.rows] == [("a", 1)]


CRAFTED = [
    "SELECT * FROM read_text('{other}')",
    "SELECT * FROM read_csv('{other}')",
    "SELECT * FROM read_parquet('{parquet}')",
    "SELECT * FROM '{parquet}'",
    "SELECT * FROM glob('{folder}/*')",
    "COPY (SELECT 1) TO '{folder}/new.csv'",
    "COPY (SELECT 1) TO '{mine}' (FORMAT parquet)",
    "ATTACH '{folder}/new.db'",
    "EXPORT DATABASE '{folder}/new'",
    "INSTALL httpfs",
    "LOAD '{other}'",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET allowed_paths = ['{other}']",
    "SET memory_limit = '100GB'",
    "SET threads = 64",
    "SET temp_directory = '{folder}'",
    "SELECT * FROM read_text('http://127.0.0.1:1/')",
]


@pytest.mark.parametrize("sql", CRAFTED)
def test_a_statement_that_somebody_crafted_reaches_nothing(
    tmp_path: Path, export: Document, sql: str
) -> None:
    mine, parquet, *_ = sorted(tmp_path.rglob("*.parquet"))
    other = tmp_path / "other.txt"
    other.write_text("secret")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    session = Session([str(mine)])

    crafted = sql.format(other=other, parquet=parquet, folder=tmp_path, mine=mine)
    with pytest.raises(Exception, match=r"(?i)permission|configur|locked|disabled"):
        session.run(crafted)

    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


def test_stretches_go_through_every_row_once_and_none_is_beyond_the_bound() -> None:
    sizes: Sequence[tuple[int, int]] = [(10, 1), (0, 1), (7, 10 * STRETCH_BYTES)] + [
        (3, STRETCH_BYTES // 4)
    ] * 50
    parts: list[Part] = []
    for rows, size in sizes:
        before = parts[-1].end if parts else 0
        parts.append(Part(f"p{len(parts)}", rows, size, before))

    for start in (0, 4, 10, 13, 40, parts[-1].end):
        reached = start
        for stretch in stretches(parts, start, width=1):
            assert stretch.first == reached
            reached = stretch.end
            if len(stretch.parts) > 1:
                assert sum(part.bytes for part in stretch.parts) <= STRETCH_BYTES
        assert reached == parts[-1].end


def test_a_session_takes_no_more_memory_and_cores_than_it_may() -> None:
    session = Session([])

    with pytest.raises(TooLarge):
        session.run("SELECT list(repeat(range::VARCHAR, 100)) FROM range(100000000)")
    assert session.run("SELECT current_setting('threads')") == [(2,)]
