"""The time before which all of a partition is stored."""

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from os import environ
from typing import Any

import pytest
from aiokafka import TopicPartition
from daybook.runtime.clock import utc_now
from daybook.runtime.consuming.reached import Reached
from daybook.storage.times import to_ms
from daybook.testing.records import request_event
from daybook.testing.waiting import eventually
from ingest.watermarks import Watermarks

PARTITION = TopicPartition("requests", 0)
NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
EARLIER = NOW - timedelta(hours=1)
SKEW = timedelta(seconds=1)


def event(identity: str) -> bytes:
    return json.dumps(request_event(id=identity)).encode()


async def watermark(world: Any) -> datetime | None:
    found = await world.database["watermarks"].find_one(
        {"_id": f"{world.settings.requests_topic}/0"}
    )
    return None if found is None else found["received_at"]


async def test_an_idle_partitions_watermark_moves_on_with_the_clock(world: Any) -> None:
    started = utc_now()

    async with world.ingest():

        async def moved_on() -> bool:
            reached = await watermark(world)
            return reached is not None and reached > started

        await eventually(moved_on, within=20)


@dataclass
class Progress:
    """What a consumer and a pipeline say of one partition, as the test has it."""

    handed_on: bool = True
    idle: bool = True
    stored_ms: int | None = None

    def assignment(self) -> set[TopicPartition]:
        return {PARTITION}

    async def end_offsets(self, asked: list[Any]) -> dict[TopicPartition, int]:
        return dict.fromkeys(asked, 7)

    def has_handed_on(self, partition: TopicPartition, end: int) -> bool:
        assert (partition, end) == (PARTITION, 7)
        return self.handed_on

    failed = False

    def stored_before_ms(self) -> dict[TopicPartition, int]:
        return {} if self.stored_ms is None else {PARTITION: self.stored_ms}

    def is_idle(self, partition: TopicPartition) -> bool:
        assert partition == PARTITION
        return self.idle


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        (Progress(), NOW - SKEW),
        (Progress(stored_ms=to_ms(EARLIER)), NOW - SKEW),
        (Progress(handed_on=False, stored_ms=to_ms(EARLIER)), EARLIER),
        (Progress(idle=False, stored_ms=to_ms(EARLIER)), EARLIER),
        (Progress(idle=False), None),
    ],
)
async def test_the_clock_counts_only_where_all_that_came_is_stored(
    world: Any, progress: Any, expected: datetime | None
) -> None:
    collection = world.database["watermarks"]
    reached = Reached(progress, lambda: progress, lambda: NOW, SKEW)

    await Watermarks(collection, reached).write()

    found = await collection.find_one({"_id": "requests/0"})
    assert (found and found["received_at"]) == expected


async def test_a_watermark_never_goes_back(world: Any) -> None:
    collection = world.database["watermarks"]
    ahead: Any = Progress()
    await Watermarks(
        collection, Reached(ahead, lambda: ahead, lambda: NOW, SKEW)
    ).write()

    woken: Any = Progress(idle=False, stored_ms=to_ms(EARLIER))
    await Watermarks(
        collection, Reached(woken, lambda: woken, lambda: NOW, SKEW)
    ).write()

    found = await collection.find_one({"_id": "requests/0"})
    assert found["received_at"] == NOW - SKEW


async def test_on_sigterm_all_that_was_taken_is_stored_and_committed(
    world: Any,
) -> None:
    process = subprocess.Popen(  # noqa: ASYNC220 - starting it blocks for a moment only
        [sys.executable, "-m", "ingest"],
        env=environ
        | {
            "KAFKA_BOOTSTRAP_SERVERS": world.settings.kafka_bootstrap_servers,
            "MONGODB_URI": world.settings.mongodb_uri,
            "DAYBOOK_MONGODB_DATABASE": world.settings.mongodb_database,
            "DAYBOOK_REQUESTS_TOPIC": world.settings.requests_topic,
            "DAYBOOK_TASKS_TOPIC": world.settings.tasks_topic,
            "DAYBOOK_WEBHOOKS_TOPIC": world.settings.webhooks_topic,
            "DAYBOOK_DEAD_LETTERS_TOPIC": world.settings.dead_letters_topic,
            "DAYBOOK_INGEST_GROUP_ID": world.settings.group_id,
            "DAYBOOK_HEALTH_PORT": "0",
            # Only the stop commits.
            "DAYBOOK_COMMIT_EVERY": "PT1H",
        },
    )
    try:
        for number in range(20):
            await world.send(event(f"e-{number}"))
        await world.stored(20)
        process.send_signal(signal.SIGTERM)
        await eventually(lambda: process.poll() is not None, within=20)
    finally:
        process.kill()
        process.wait()  # it was killed

    assert process.returncode in (0, -signal.SIGTERM)
    await world.committed(20)
