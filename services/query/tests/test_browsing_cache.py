"""Browsing out of a cloud: each part is brought once, into a folder with a bound."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from daybook.runtime.clock import monotonic
from daybook.runtime.objects import Objects, ObjectsUnavailable, StoredObject
from daybook.storage.exports import columns_part
from daybook.testing.object_storage import Bucket, moto_server, new_bucket
from daybook.testing.stored_exports import store_export
from query.api.errors import ApiError
from query.exports.browsing.browser import Browser
from query.exports.browsing.cache import LocalParts

Document = dict[str, Any]
NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
TYPES = {"id": "text", "n": "integer"}
ROWS = [[{"id": f"log-{part}-{n}", "n": -n} for n in range(30)] for part in range(6)]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto_server() as address:
        yield address


@pytest.fixture
def bucket(endpoint: str) -> Iterator[Bucket]:
    with new_bucket(endpoint) as made:
        yield made


@pytest.fixture
async def export(bucket: Bucket, tmp_path: Path) -> Document:
    """An export of six parts in the bucket."""
    made = store_export(tmp_path / "made", TYPES, ROWS, finished_at=NOW)
    objects = Objects(bucket.address)
    for part in made["parts"]:
        name = columns_part(made, part)
        await objects.put(name, chunks((tmp_path / "made" / name).read_bytes()))
    return made


async def chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


class Counted(Objects):
    """Object storage that knows what was read, and may be made to wait or to fail."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.read: list[str] = []
        self.open = asyncio.Event()
        self.open.set()
        self.asked = asyncio.Event()
        self.away = False
        self.breaks = False

    async def get(
        self, name: str, *, start: int = 0, end: int | None = None
    ) -> StoredObject:
        self.read.append(name)
        self.asked.set()
        await self.open.wait()
        if self.away:
            raise ObjectsUnavailable("away")
        stored = await super().get(name, start=start, end=end)
        if not self.breaks:
            return stored
        return StoredObject(stored.size, self._broken(stored.chunks))

    async def _broken(self, whole: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in whole:
            yield chunk[: len(chunk) // 2]
            raise ObjectsUnavailable("broke off")


@pytest.fixture
def objects(bucket: Bucket) -> Counted:
    return Counted(bucket.address)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "new" / "cache"


def browser_over(objects: Objects, cache: Path, limit: int = 2**31) -> Browser:
    return Browser(
        LocalParts(objects, cache, limit),
        budget=timedelta(seconds=30),
        at_once=8,
        clock=lambda: NOW,
        stopwatch=monotonic,
    )


def held(cache: Path) -> list[Path]:
    return sorted(cache.iterdir()) if cache.exists() else []


async def test_only_the_parts_that_a_page_needs_are_brought(
    objects: Counted, cache: Path, export: Document
) -> None:
    browser = browser_over(objects, cache)

    first = await browser.rows(export, limit=10)
    deep = await browser.row(export, 100)

    assert [row.cells[0] for row in first.rows] == [f"log-0-{n}" for n in range(10)]
    assert deep.row.cells[0] == "log-3-9"
    assert [name.rsplit("-", 1)[1] for name in objects.read] == [
        "00000.parquet",
        "00003.parquet",
    ]


async def test_a_sorted_search_is_the_same_as_in_a_folder(
    objects: Counted, cache: Path, export: Document
) -> None:
    found = await browser_over(objects, cache).rows(export, q="LOG-5-2", sort="n")

    assert [row.cells[0] for row in found.rows] == [
        *(f"log-5-{n}" for n in range(29, 19, -1)),
        "log-5-2",
    ]


async def test_however_many_ask_at_once_a_part_is_brought_once(
    objects: Counted, cache: Path, export: Document
) -> None:
    browser = browser_over(objects, cache)
    objects.open.clear()

    asking = [asyncio.create_task(browser.rows(export, q="log-4-")) for _ in range(5)]
    await objects.asked.wait()
    objects.open.set()
    pages = await asyncio.gather(*asking)

    assert sorted(objects.read) == sorted(set(objects.read))
    assert [len(page.rows) for page in pages] == [25] * 5


async def test_a_second_process_finds_what_a_first_has_brought(
    objects: Counted, bucket: Bucket, cache: Path, export: Document
) -> None:
    await browser_over(objects, cache).rows(export)
    other = Counted(bucket.address)

    await browser_over(other, cache).rows(export)

    assert other.read == []


async def test_the_folder_keeps_its_bound_and_what_was_used_last(
    objects: Counted, cache: Path, export: Document
) -> None:
    size = max(part["columns_bytes"] for part in export["parts"])
    browser = browser_over(objects, cache, limit=3 * size)

    for number in (1, 31, 61):
        await browser.row(export, number)
    for number in (1, 91):
        await browser.row(export, number)
    objects.read.clear()
    await browser.row(export, 1)
    await browser.row(export, 31)

    assert sum(path.stat().st_size for path in held(cache)) <= 3 * size
    assert [name.rsplit("-", 1)[1] for name in objects.read] == ["00001.parquet"]


async def test_a_bound_smaller_than_an_export_still_lets_it_be_searched(
    objects: Counted, cache: Path, export: Document
) -> None:
    browser = browser_over(objects, cache, limit=1)

    found = await browser.rows(export, q="-29", sort="-id")

    assert len(found.rows) == 6
    assert len(held(cache)) <= 1


async def test_a_download_goes_on_when_who_asked_is_gone(
    objects: Counted, cache: Path, export: Document
) -> None:
    browser = browser_over(objects, cache)
    objects.open.clear()
    asking = asyncio.create_task(browser.rows(export))
    await objects.asked.wait()

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    objects.open.set()
    await browser.rows(export)

    assert len(objects.read) == 1


async def test_a_copy_that_was_damaged_is_brought_again(
    objects: Counted, cache: Path, export: Document
) -> None:
    browser = browser_over(objects, cache)
    await browser.rows(export)
    [copy] = held(cache)
    os.truncate(copy, 10)

    shorter = await browser.rows(export)
    copy.write_bytes(b"x" * copy.stat().st_size)
    with pytest.raises(ApiError) as refused:
        await browser.rows(export)
    other = await browser.rows(export)

    assert len(shorter.rows) == len(other.rows) == 25
    assert refused.value.status == 503


@pytest.mark.parametrize("fault", ["away", "breaks"])
async def test_storage_that_is_away_is_said_and_leaves_nothing(
    objects: Counted, cache: Path, export: Document, fault: str
) -> None:
    browser = browser_over(objects, cache)
    setattr(objects, fault, True)

    with pytest.raises(ApiError) as refused:
        await browser.rows(export)

    assert (refused.value.status, refused.value.key) == (503, "storage_unavailable")
    assert held(cache) == []
    setattr(objects, fault, False)
    assert len((await browser.rows(export)).rows) == 25


async def test_an_object_that_is_missing_is_said_to_be_gone(
    objects: Counted, cache: Path, export: Document
) -> None:
    await objects.delete(columns_part(export, export["parts"][0]))

    with pytest.raises(ApiError) as refused:
        await browser_over(objects, cache).rows(export)

    assert (refused.value.status, refused.value.key) == (410, "export_files_missing")


async def test_copies_are_nobody_elses(
    objects: Counted, cache: Path, export: Document
) -> None:
    await browser_over(objects, cache).rows(export)

    mode = await asyncio.to_thread(lambda: cache.stat().st_mode)
    assert mode & 0o077 == 0
