"""Runs that are disturbed: what is in the document and in the storage afterwards."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from daybook.runtime.objects import Objects
from daybook.storage.exports import columns_part
from daybook.testing.object_storage import moto_server, new_bucket
from daybook.testing.stored_sendouts import stored_attempt, stored_sendout
from daybook.testing.stored_tasks import stored_task
from daybook.testing.waiting import eventually
from pymongo import MongoClient

Document = dict[str, Any]

LOGS = 25_000  # three groups of rows, of which each makes a part
NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)


@pytest.fixture
def at_once(mongodb_uri: str, database_name: str) -> Iterator[Callable[..., None]]:
    """Changes an export's document in the very moment that it is called."""
    with MongoClient[Document](mongodb_uri) as client:
        exports = client[database_name]["exports"]

        def change(export: Document, changes: Document) -> None:
            exports.update_one({"_id": export["_id"]}, {"$set": changes})

        yield change


@pytest.mark.parametrize(
    "changes",
    [
        {"claim": 7, "leased_until": NOW + timedelta(days=300)},
        {"status": "ERROR", "cancelled": True},
        {"deleted_at": NOW},
    ],
    ids=["taken over", "cancelled", "deleted"],
)
async def test_who_is_fenced_writes_nothing_more_and_takes_its_unlisted_part_away(
    world: Any, at_once: Callable[..., None], changes: Document
) -> None:
    await world.store_logs(LOGS)
    export = await world.ask()
    seen: list[int] = []

    def on_progress(running: Document, rows: int) -> None:
        seen.append(rows)
        at_once(running, changes)

    async with world.running(world.exporter("one", on_progress)) as exporter:
        await eventually(lambda: seen and exporter.running == 0)

    now = await world.document(export)
    assert seen == [10_000]
    assert now["rows"] == 10_000
    assert {name: now[name] for name in changes} == changes
    assert len(now["parts"]) == 1
    assert "unannounced" not in now
    assert await world.names(export) == ["1-00000.csv", "1-00000.parquet"]


async def test_a_cancelled_run_stops_within_a_third_of_its_lease(
    world: Any, tmp_path: Path, at_once: Callable[..., None]
) -> None:
    await world.store_logs(10)
    # A storage that is away: the run is waiting, and writes nothing.
    (tmp_path / "objects").write_text("no folder")
    export = await world.ask()

    async with world.running(world.exporter(lease_s=0.6)) as exporter:
        await eventually(lambda: exporter.running == 1)
        at_once(export, {"status": "ERROR", "cancelled": True})

        await eventually(lambda: exporter.running == 0)


async def test_who_is_stopped_lets_go_and_the_next_makes_the_same_file(
    world: Any,
) -> None:
    await world.store_logs(LOGS)
    calm = await world.run(await world.ask())
    export = await world.ask()
    progressed = asyncio.Event()

    def on_progress(running: Document, rows: int) -> None:
        progressed.set()

    first = world.exporter("first", on_progress, lease_s=600)
    async with world.running(first):
        await progressed.wait()
    left = await world.document(export)

    ended = await world.run(export, world.exporter("second"))

    assert left["status"] == "IN_PROGRESS"
    assert "leased_until" not in left
    assert 0 < left["rows"] < LOGS
    assert await world.text(ended) == await world.text(calm)
    assert {part["claim"] for part in ended["parts"]} == {1, 2}
    assert ended["rows"] == LOGS
    assert ended["expected_rows"] == LOGS
    listed = [f"{part['claim']}-{part['number']:05d}" for part in ended["parts"]]
    names = [f"{one}.{kind}" for one in listed for kind in ("csv", "parquet")]
    assert await world.names(export) == sorted(names)


async def test_a_parquet_file_is_joined_again_by_who_takes_over_at_the_end(
    world: Any,
) -> None:
    await world.store_logs(LOGS)
    export = await world.ask(form="PARQUET")
    before = await world.run(export)
    file = await world.read(before["file"]["name"])
    died = {"status": "IN_PROGRESS", "waiting": True, "cursor": {"end": True}}
    gone = {"file": 1, "unannounced": 1, "expires_at": 1}
    await world.database["exports"].update_one(
        {"_id": export["_id"]}, {"$set": died, "$unset": gone}
    )

    after = await world.run(export, world.exporter("second"))

    assert after["parts"] == before["parts"]
    assert after["file"]["name"].endswith("/2.parquet")
    assert after["file"]["bytes"] == after["bytes"] == len(file)
    assert await world.read(after["file"]["name"]) == file
    parts = [f"1-{number:05d}.parquet" for number in range(3)]
    assert await world.names(export) == [*parts, "2.parquet"]


async def test_a_storage_that_comes_back_in_time_costs_nothing_but_time(
    world: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await world.store_logs(10)
    away = tmp_path / "objects"
    away.write_text("no folder")
    export = await world.ask()

    async with world.running(world.exporter()):
        await eventually(lambda: "the object storage is waited for" in caplog.text)
        away.unlink()
        ended = await world.ended(export)

    assert ended["status"] == "DONE"
    assert len((await world.text(ended)).splitlines()) == 11


async def test_a_storage_that_stays_away_ends_the_export_and_says_so(
    world: Any, tmp_path: Path
) -> None:
    (tmp_path / "objects").write_text("no folder")
    export = await world.ask()

    ended = await world.run(export, world.exporter(patience_s=0.2))

    assert ended["status"] == "ERROR"
    assert "object storage" in ended["error"]["message"]
    assert "Make the export anew" in ended["error"]["message"]
    assert ended["unannounced"] is True
    assert "waiting" not in ended


async def test_an_export_that_nobody_can_run_ends_and_the_next_goes_on(
    world: Any,
) -> None:
    broken = await world.ask()
    await world.database["exports"].update_one(
        {"_id": broken["_id"]}, {"$set": {"exported_object": "nonsense"}}
    )
    good = await world.ask()

    async with world.running(world.exporter()) as exporter:
        ended = await world.ended(broken)
        assert (await world.ended(good))["status"] == "DONE"

    assert ended["status"] == "ERROR"
    assert "KeyError" in ended["error"]["message"]
    assert not exporter.failed


@pytest.mark.parametrize("form", ["CSV", "NDJSON", "PARQUET"])
@pytest.mark.parametrize("name", ["async_action", "webhook_sendout", "webhook_attempt"])
async def test_tasks_sendouts_and_attempts_are_exported_too(
    world: Any, name: str, form: str
) -> None:
    begun = NOW - timedelta(hours=1)
    attempts = [stored_attempt(n, begun) for n in (1, 2)]
    await world.database["sendouts"].insert_one(stored_sendout("s", begun, *attempts))
    await world.database["tasks"].insert_one(stored_task("t", begun))
    export = await world.ask(name, form)

    ended = await world.run(export)

    assert ended["status"] == "DONE"
    assert ended["rows"] == (2 if name == "webhook_attempt" else 1)
    assert ended["bytes"] > 0
    assert [name for name in await world.names(export) if "keys" in name] == []


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


async def test_the_same_files_come_to_be_in_a_bucket(
    world: Any, s3_endpoint: str
) -> None:
    await world.store_logs(LOGS)
    here = await world.run(await world.ask())
    text = await world.text(here)
    columns = await world.read(columns_part(here, here["parts"][-1]))

    with new_bucket(s3_endpoint) as bucket:
        world.objects = Objects(bucket.address)
        there = await world.run(await world.ask())
        joined = await world.run(await world.ask(form="PARQUET"))

        assert await world.text(there) == text
        part = columns_part(there, there["parts"][-1])
        assert await world.read(part) == columns
        file = await world.read(joined["file"]["name"])
        assert len(file) == joined["bytes"]
        assert bucket.unfinished() == []
