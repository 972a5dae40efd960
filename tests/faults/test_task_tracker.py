"""Two trackers, one killed: every task folds to what its events say."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from daybook.testing.reference_fold import reference_fold, reference_rows
from daybook.testing.task_traffic import EVENTS_A_TASK, Place, encoded, shuffled, told
from daybook.testing.waiting import eventually
from pymongo import AsyncMongoClient

PARTITIONS = 6
# One event in twenty is published twice.
REPEATED = 0.05
Places = dict[tuple[int, int], Place]


async def publish(
    bootstrap: str, topic: str, tasks: int, published: Callable[[int], None]
) -> Places:
    """All events of all tasks, in any order; where the broker put the last of each."""
    producer: Any = AIOKafkaProducer(
        bootstrap_servers=bootstrap, compression_type="zstd", linger_ms=20
    )
    places: Places = {}

    async def settle(pending: list[tuple[tuple[int, int], Any]]) -> None:
        for which, sent in pending:
            made = await sent
            place = Place(made.timestamp, topic, made.partition, made.offset)
            known = places.get(which)
            if known is None or known.offset < place.offset:
                places[which] = place
        published(len(places))

    async with producer:
        pending: list[tuple[tuple[int, int], Any]] = []
        for task, number, key, value in encoded(shuffled(tasks, repeated=REPEATED)):
            sent = await producer.send(topic, value, key=key)
            pending.append(((task, number), sent))
            if len(pending) >= 2_000:
                await settle(pending)
                pending = []
        await settle(pending)
    return places


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(300, id="short"),
        pytest.param(
            50_000, id="long", marks=[pytest.mark.fault, pytest.mark.timeout(1800)]
        ),
    ],
)
async def test_tasks_fold_to_what_their_events_say_though_a_tracker_is_killed(
    count: int,
    kafka_bootstrap: str,
    mongodb_uri: str,
    database_name: str,
    surroundings: dict[str, str],
    make_topic: Callable[..., Awaitable[str]],
    spawn: Callable[..., Any],
    all_is_committed: Callable[..., Awaitable[bool]],
) -> None:
    topic = await make_topic("tasks", partitions=PARTITIONS)
    group = surroundings["DAYBOOK_TASK_TRACKER_GROUP_ID"]
    environment = {
        **surroundings,
        "DAYBOOK_TASKS_TOPIC": topic,
        "DAYBOOK_SESSION_TIMEOUT": "PT6S",  # the least that a broker allows
    }
    half = asyncio.Event()

    def published(events: int) -> None:
        if events >= count * EVENTS_A_TASK // 2:
            half.set()

    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        mongodb_uri, tz_aware=True
    )
    async with client:
        database = client[database_name]
        first = spawn("task_tracker", environment)
        spawn("task_tracker", environment)
        publishing = asyncio.create_task(
            publish(kafka_bootstrap, topic, count, published)
        )
        await half.wait()

        async def under_way() -> bool:
            return await database["tasks"].estimated_document_count() >= count // 4

        await eventually(under_way, within=60)
        first.send_signal(signal.SIGKILL)
        places = await publishing

        async def done() -> bool:
            return await all_is_committed(group, topic, PARTITIONS)

        await eventually(done, within=1_500)

        seen = 0
        async for task in database["tasks"].find({}, {"fold": 0}):
            number = int(task["id"].removeprefix("task-"))
            mine = told(number, places)
            assert {**task, "refs": sorted(task["refs"])} == reference_fold(mine)
            seen += 1
            if number % 10 == 0:
                rows = database["task_failed_rows"].find({"task": task["_id"]})
                kept = await rows.sort([("run", 1), ("place", 1)]).to_list()
                latest = [row["entry"] for row in kept if row["run"] == task["run"]]
                told_rows = [(row["row"], row["reason"]) for row in latest]
                expected = [(row["row"], row["reason"]) for row in reference_rows(mine)]
                assert told_rows == expected
        assert seen == count
