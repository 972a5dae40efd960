"""Dispatchers killed and frozen, servers restarted: every webhook arrives."""

import asyncio
import signal
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from daybook.events.topics import WEBHOOKS
from daybook.runtime.kafka_topics import ensure_topics
from daybook.storage.webhook_endpoints import VERSION_ID
from daybook.testing.receivers import Receiver
from daybook.testing.records import webhook_event
from daybook.testing.servers import ServerHandle
from daybook.testing.waiting import eventually
from daybook.webhooks.sealing import Box, keys_from
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

KEYS = "k1:" + b64encode(b"k" * 32).decode()
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ENDPOINTS = 10
MOST_IN_FLIGHT = 4


async def make_endpoints(database: Any, url: str) -> None:
    """As query stores them: each with its secret, and one version for all."""
    box = Box(keys_from(KEYS))
    for number in range(ENDPOINTS):
        key = f"demo/we_{number}"
        await database["webhook_endpoints"].insert_one(
            {
                "_id": key,
                "project_id": "demo",
                "id": f"we_{number}",
                "url": f"{url}/{number}",
                "event_types": ["*"],
                "active": True,
                "secrets": [{"secret": box.seal(SECRET, key)}],
                "headers": [],
                "retry_schedule_s": [0.5] * 50,
                "max_in_flight": MOST_IN_FLIGHT,
                "timeout_ms": 3_000,
                "created_at": datetime.now(UTC) - timedelta(minutes=5),
            }
        )
    await database["webhook_endpoints"].insert_one({"_id": VERSION_ID, "version": 1})


async def publish(bootstrap: str, events: range) -> None:
    producer: Any = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=20)
    async with producer:
        sent = [
            await producer.send(WEBHOOKS, webhook_event(id=f"e-{number}", time=...))
            for number in events
        ]
        await asyncio.gather(*sent)


@pytest.mark.parametrize(
    ("events", "kafka_is_away_s"),
    [
        pytest.param(60, 0, id="short"),
        pytest.param(
            2_000, 60, id="long", marks=[pytest.mark.fault, pytest.mark.timeout(1800)]
        ),
    ],
)
async def test_every_webhook_arrives_and_few_twice_whatever_dies(
    events: int,
    kafka_is_away_s: float,
    kafka_server: ServerHandle,
    mongodb_server: ServerHandle,
    spawn: Callable[..., Any],
) -> None:
    await ensure_topics(kafka_server.address)
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka_server.address,
        "MONGODB_URI": mongodb_server.address,
        "DAYBOOK_SEALING_KEYS": KEYS,
        "DAYBOOK_WEBHOOK_PLAIN_HTTP": "true",
        "DAYBOOK_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "DAYBOOK_HEALTH_PORT": "0",
        "DAYBOOK_SESSION_TIMEOUT": "PT6S",  # the least that a broker allows
        "DAYBOOK_SLOT_LEASE": "PT3S",
        "DAYBOOK_SENDOUT_LEASE": "PT6S",
    }
    total = events * ENDPOINTS
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        mongodb_server.address, serverSelectionTimeoutMS=2_000
    )
    async with client, Receiver() as receiver:
        database = client["daybook"]
        await make_endpoints(database, receiver.url())

        def arrived() -> Counter[str]:
            return Counter(one.header("webhook-id") for one in receiver.requests)

        async def at_least(share: float) -> None:
            await eventually(lambda: len(arrived()) >= share * total, within=600)

        async def nothing_waits() -> bool:
            try:
                made = await database["sendouts"].count_documents({})
                sent = await database["sendouts"].count_documents({"status": "SENT"})
            except PyMongoError:
                return False
            return made == sent

        first = spawn("webhook_dispatcher", environment)
        second = spawn("webhook_dispatcher", environment)
        await publish(kafka_server.address, range(events // 2))
        await at_least(0.1)
        first.send_signal(signal.SIGKILL)
        spawn("webhook_dispatcher", environment)  # as a supervisor would
        await at_least(0.2)
        second.send_signal(signal.SIGSTOP)
        await at_least(0.3)
        await mongodb_server.restart()
        await kafka_server.stop()
        if kafka_is_away_s:
            comes_back = asyncio.create_task(asyncio.sleep(kafka_is_away_s))
            # All that was made goes on meanwhile, what the frozen one held too.
            await eventually(nothing_waits, within=kafka_is_away_s)
            await comes_back
        await kafka_server.start()
        second.send_signal(signal.SIGCONT)
        await publish(kafka_server.address, range(events // 2, events))

        async def all_are_sent() -> bool:
            try:
                sent = await database["sendouts"].count_documents({"status": "SENT"})
            except PyMongoError:
                return False
            return sent == total

        await eventually(all_are_sent, within=900)

        counts = arrived()
        assert len(counts) == total
        again = sum(counts.values()) - total
        # What was in flight when a process was killed, frozen, or cut off.
        assert again <= 3 * ENDPOINTS * MOST_IN_FLIGHT
        assert await database["sendouts"].count_documents({}) == total
        assert second.poll() is None, "the woken process has left"
