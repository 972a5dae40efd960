"""What each worker is scaled by: it rises with the work that waits, and falls to none.

The signals are those of deploy/k8s/components/keda: a group's lag as Kafka has it, the
sendouts that are due, the exports that wait or run.
"""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from daybook.events.topics import WEBHOOKS
from daybook.exports.parameters import read_parameters
from daybook.runtime.consuming.lag import Lag
from daybook.storage.exports import ensure_exports, new_export
from daybook.testing.receivers import Received, Receiver, reply
from daybook.testing.records import request_event, task_event, webhook_event
from daybook.testing.stored_endpoints import KEYS, store_endpoint
from daybook.testing.waiting import eventually
from pymongo import AsyncMongoClient

Document = dict[str, Any]
KEDA = Path(__file__).parents[2] / "deploy/k8s/components/keda/scaled-objects.yaml"
EVENTS = 500


class Lags:
    """The lag of a group over some topics, all of it together."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, int], int] = {}

    def lag_is_unknown(self, topic: str, partition: int) -> None: ...

    def lags(self, topic: str, partition: int, records: int) -> None:
        self._of[topic, partition] = records

    @property
    def all(self) -> int:
        return sum(self._of.values())


async def publish(bootstrap: str, topic: str, values: list[bytes]) -> None:
    producer: Any = AIOKafkaProducer(bootstrap_servers=bootstrap)
    async with producer:
        await asyncio.gather(*[await producer.send(topic, one) for one in values])


@pytest.mark.parametrize(
    ("service", "topic_variable", "group_variable"),
    [
        ("ingest", "DAYBOOK_REQUESTS_TOPIC", "DAYBOOK_INGEST_GROUP_ID"),
        ("task_tracker", "DAYBOOK_TASKS_TOPIC", "DAYBOOK_TASK_TRACKER_GROUP_ID"),
    ],
)
async def test_a_groups_lag_rises_with_what_is_published_and_falls_to_none(
    service: str,
    topic_variable: str,
    group_variable: str,
    kafka_bootstrap: str,
    surroundings: dict[str, str],
    make_topic: Callable[..., Awaitable[str]],
    spawn: Callable[..., Any],
) -> None:
    topic = await make_topic(service, partitions=3)
    group = surroundings[group_variable]
    events = [
        request_event(id=f"e-{n}") if service == "ingest" else task_event(id=f"e-{n}")
        for n in range(EVENTS)
    ]
    ends: Any = AIOKafkaConsumer(bootstrap_servers=kafka_bootstrap)
    async with ends:
        lags = Lags()
        lag = Lag(kafka_bootstrap, group, lambda: ends, lags)
        await lag.begin([topic])

        async def measured() -> int:
            await lag.measure()
            return lags.all

        before = await measured()
        values = [json.dumps(one).encode() for one in events]
        await publish(kafka_bootstrap, topic, values)
        under_load = await measured()
        spawn(service, surroundings | {topic_variable: topic})

        async def is_none() -> bool:
            return await measured() == 0

        await eventually(is_none, within=60)
        await lag.close()

    assert (before, under_load) == (0, EVENTS)


async def test_what_is_due_rises_while_receivers_are_slow_and_falls_to_none(
    kafka_bootstrap: str,
    mongo_client: AsyncMongoClient[Document],
    database_name: str,
    surroundings: dict[str, str],
    random_name: Callable[[str], str],
    spawn: Callable[..., Any],
) -> None:
    project, answers = random_name("slow"), reply()
    database = mongo_client[database_name]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    async def slowly(received: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        await answers(received, writer)

    async with (
        Receiver(slowly) as receiver,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        await store_endpoint(database, project, receiver.url(), max_in_flight=2)
        spawn(
            "webhook_dispatcher",
            {
                **surroundings,
                "DAYBOOK_SEALING_KEYS": KEYS,
                "DAYBOOK_WEBHOOK_PLAIN_HTTP": "true",
                "DAYBOOK_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
                "DAYBOOK_HEALTH_PORT": str(port),
            },
        )

        async def due() -> float:
            try:
                told = (await http.get("/metrics")).text
            except httpx.TransportError:
                return -1.0
            (line,) = [
                one
                for one in told.splitlines()
                if one.startswith("daybook_webhook_dispatcher_due ")
            ]
            return float(line.split()[1])

        async def rises() -> bool:
            return await due() > EVENTS / 5

        async def is_none() -> bool:
            return len(receiver.requests) >= EVENTS and await due() == 0

        await publish(
            kafka_bootstrap,
            WEBHOOKS,
            [
                webhook_event(id=f"e-{n}", projectid=project, time=...)
                for n in range(EVENTS)
            ],
        )
        await eventually(rises, within=60)
        receiver.answer = answers
        await eventually(is_none, within=60)


async def test_exports_that_wait_are_counted_until_they_are_made(
    mongo_client: AsyncMongoClient[Document],
    database_name: str,
    surroundings: dict[str, str],
    spawn: Callable[..., Any],
) -> None:
    exports = mongo_client[database_name]["exports"]
    await ensure_exports(exports)
    scaled = {
        one["metadata"]["name"]: one
        for one in yaml.safe_load_all(KEDA.read_text())
        if one["kind"] == "ScaledObject"
    }
    trigger = scaled["exporter"]["spec"]["triggers"][0]["metadata"]
    asked = read_parameters({"exported_object": "async_action"})

    async def signal() -> int:
        assert trigger["collection"] == exports.name
        return await exports.count_documents(json.loads(trigger["query"]))

    before = await signal()
    for n in range(5):
        now = datetime.now(UTC)
        made = new_export("shop", f"exp_{n}", asked, "API", None, now, None)
        await exports.insert_one(made)
    under_load = await signal()
    spawn("exporter", surroundings)

    async def is_none() -> bool:
        return await signal() == 0

    await eventually(is_none, within=60)
    assert (before, under_load) == (0, 5)
    assert await exports.count_documents({"status": "DONE"}) == 5
