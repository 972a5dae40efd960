"""Ingest under kills, freezes and restarts: every event stored, none twice."""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from daybook.testing.records import request_event
from daybook.testing.servers import ServerHandle
from daybook.testing.waiting import eventually
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

PARTITIONS = 6
SESSION_TIMEOUT_S = 6  # the least that a broker allows


async def publish(bootstrap: str, topic: str, count: int) -> None:
    """Publish events whose ids are their numbers, at a pace that faults can meet."""
    producer: Any = AIOKafkaProducer(
        bootstrap_servers=bootstrap, compression_type="zstd", linger_ms=20
    )
    template = json.dumps(request_event(id="@@", data={"request_id": "##"}))
    async with producer:
        pending: list[Any] = []
        for number in range(count):
            value = template.replace("@@", f"e-{number}").replace("##", f"r-{number}")
            key = str(number).encode()
            pending.append(await producer.send(topic, value.encode(), key=key))
            if len(pending) >= 2000:
                await asyncio.gather(*pending)
                pending.clear()
        await asyncio.gather(*pending)


async def stored(logs: Any) -> int:
    """How many documents there are, 0 while the database is away."""
    try:
        return await logs.estimated_document_count()
    except PyMongoError:
        return 0


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(8_000, id="short"),
        pytest.param(
            100_000, id="long", marks=[pytest.mark.fault, pytest.mark.timeout(900)]
        ),
    ],
)
async def test_kills_freezes_and_restarts_lose_nothing_and_repeat_nothing(
    count: int,
    kafka_bootstrap: str,
    mongodb_server: ServerHandle,
    make_topic: Callable[..., Awaitable[str]],
    random_name: Callable[[str], str],
    spawn: Callable[..., Any],
    all_is_committed: Callable[..., Awaitable[bool]],
) -> None:
    topic = await make_topic("requests", partitions=PARTITIONS)
    letters = await make_topic("letters", partitions=1)
    group = random_name("ingest")
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap,
        "MONGODB_URI": mongodb_server.address,
        "DAYBOOK_REQUESTS_TOPIC": topic,
        "DAYBOOK_TASKS_TOPIC": await make_topic("tasks", partitions=1),
        "DAYBOOK_WEBHOOKS_TOPIC": await make_topic("webhooks", partitions=1),
        "DAYBOOK_DEAD_LETTERS_TOPIC": letters,
        "DAYBOOK_INGEST_GROUP_ID": group,
        "DAYBOOK_HEALTH_PORT": "0",
        "DAYBOOK_SESSION_TIMEOUT": f"PT{SESSION_TIMEOUT_S}S",
        # Small writes: more of them are in flight when the faults strike.
        "DAYBOOK_BULK_RECORDS": "200",
        "DAYBOOK_POLL_RECORDS": "200",
    }
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        mongodb_server.address, serverSelectionTimeoutMS=2_000
    )
    async with client:
        logs = client["daybook"]["logs"]

        async def at_least(share: float) -> None:
            async def enough() -> bool:
                return await stored(logs) >= share * count

            await eventually(enough, within=400)

        first, second = spawn("ingest", environment), spawn("ingest", environment)
        publishing = asyncio.create_task(publish(kafka_bootstrap, topic, count))
        await at_least(0.2)
        first.send_signal(signal.SIGKILL)
        spawn("ingest", environment)  # as a supervisor would
        await at_least(0.4)
        second.send_signal(signal.SIGSTOP)
        # Frozen past its session: the other one gets all partitions and goes on.
        await mongodb_server.restart()
        await publishing
        await at_least(0.6)
        await at_least(1.0)
        second.send_signal(signal.SIGCONT)

        async def done() -> bool:
            return await all_is_committed(group, topic, PARTITIONS)

        await eventually(done, within=200)
        assert second.poll() is None, "the woken process has left"
        assert await logs.count_documents({}) == count
        ids = {log["_id"] async for log in logs.find({}, {"_id": 1})}
        assert ids == {f"demo/e-{number}" for number in range(count)}
