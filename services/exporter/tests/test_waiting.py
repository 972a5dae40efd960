import asyncio
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from daybook.runtime.clock import monotonic
from daybook.storage.times import EPOCH
from exporter.waiting import Watermarks
from pymongo.asynchronous.database import AsyncDatabase

Database = AsyncDatabase[dict[str, Any]]

TOPIC = "daybook.requests.v1"
MOMENT = datetime(2026, 11, 1, tzinfo=UTC)
EARLIER = MOMENT - timedelta(seconds=5)


def watermarks(
    database: Database,
    partitions: Callable[[], Collection[int]] = lambda: (0, 1),
    longest: timedelta = timedelta(seconds=20),
) -> Watermarks:
    async def known() -> Collection[int]:
        return partitions()

    return Watermarks(
        database["watermarks"],
        TOPIC,
        known,
        monotonic,
        longest=longest,
        ask_every_s=0.01,
    )


async def mark(database: Database, partition: int, reached: datetime) -> None:
    marked = {"topic": TOPIC, "partition": partition, "received_at": reached}
    key = {"_id": f"{TOPIC}/{partition}"}
    await database["watermarks"].update_one(key, {"$set": marked}, upsert=True)


async def test_what_all_partitions_have_passed_is_not_waited_for(
    database: Database,
) -> None:
    await mark(database, 0, MOMENT)
    await mark(database, 1, MOMENT + timedelta(seconds=1))

    assert await watermarks(database).passed(MOMENT) is None


async def test_a_partition_that_is_behind_is_waited_for(database: Database) -> None:
    await mark(database, 0, MOMENT)
    await mark(database, 1, EARLIER)
    asked = 0
    thrice = asyncio.Event()

    def partitions() -> Collection[int]:
        nonlocal asked
        asked += 1
        if asked == 3:
            thrice.set()
        return (0, 1)

    waiting = asyncio.create_task(watermarks(database, partitions).passed(MOMENT))
    await thrice.wait()
    assert not waiting.done()
    await mark(database, 1, MOMENT)

    assert await waiting is None


@pytest.mark.parametrize(
    ("marks", "until"), [((MOMENT, EARLIER), EARLIER), ((MOMENT,), EPOCH)]
)
async def test_in_the_end_it_is_said_up_to_when_all_is_there(
    database: Database, marks: tuple[datetime, ...], until: datetime
) -> None:
    for partition, reached in enumerate(marks):
        await mark(database, partition, reached)

    waited = watermarks(database, longest=timedelta(milliseconds=100))

    assert await waited.passed(MOMENT) == until


async def test_another_topic_s_watermarks_are_not_looked_at(database: Database) -> None:
    await mark(database, 0, MOMENT)
    await mark(database, 1, MOMENT)
    other = {"topic": "other", "partition": 7, "received_at": EARLIER}
    await database["watermarks"].insert_one({"_id": "other/7", **other})

    assert await watermarks(database).passed(MOMENT) is None
