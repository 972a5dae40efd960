"""A worker that is told to stop under load: it drains, leaves, and repeats nothing."""

import asyncio
import json
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from daybook.events.topics import WEBHOOKS
from daybook.exports.parameters import read_parameters
from daybook.storage.exports import ensure_exports, new_export
from daybook.storage.logs import ensure_logs
from daybook.testing.holding import holding
from daybook.testing.receivers import Received, Receiver, reply
from daybook.testing.records import request_event, task_event, webhook_event
from daybook.testing.stored_endpoints import KEYS, store_endpoint
from daybook.testing.stored_logs import stored_log
from daybook.testing.waiting import eventually
from pymongo import AsyncMongoClient
from pymongo.uri_parser import parse_uri

Document = dict[str, Any]
# What the manifests give a pod; docker-compose gives as much, or more.
GRACE_S = 45.0
DISPATCHER_GRACE_S = 90.0
PARTITIONS = 3
# In the one message that does it.
SECOND_PART_IS_LISTED = b"parts.1\0"


def stop(process: Any, grace_s: float = GRACE_S) -> float:
    """Told to stop, it leaves with no complaint; the seconds that it took."""
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    # The server that answers for health hands the signal on once all is closed.
    assert process.wait(grace_s) in (0, -signal.SIGTERM)
    return time.monotonic() - began


async def publish(bootstrap: str, topic: str, values: list[bytes]) -> None:
    producer: Any = AIOKafkaProducer(bootstrap_servers=bootstrap)
    async with producer:
        await asyncio.gather(*[await producer.send(topic, one) for one in values])


async def committed(bootstrap: str, group: str, topic: str) -> int:
    """How many records a group is done with."""
    consumer: Any = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False
    )
    async with consumer:
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        return sum([await consumer.committed(place) or 0 for place in places])


@pytest.mark.parametrize(
    ("service", "topic_variable", "group_variable", "collection"),
    [
        ("ingest", "DAYBOOK_REQUESTS_TOPIC", "DAYBOOK_INGEST_GROUP_ID", "logs"),
        (
            "task_tracker",
            "DAYBOOK_TASKS_TOPIC",
            "DAYBOOK_TASK_TRACKER_GROUP_ID",
            "tasks",
        ),
    ],
)
@pytest.mark.parametrize(
    "events", [12_000, pytest.param(100_000, marks=pytest.mark.fault)]
)
async def test_what_a_consumer_stored_before_it_left_is_committed(
    events: int,
    service: str,
    topic_variable: str,
    group_variable: str,
    collection: str,
    kafka_bootstrap: str,
    mongo_client: AsyncMongoClient[Document],
    database_name: str,
    surroundings: dict[str, str],
    make_topic: Callable[..., Awaitable[str]],
    spawn: Callable[..., Any],
) -> None:
    topic = await make_topic(service, partitions=PARTITIONS)
    group = surroundings[group_variable]
    environment = {
        **surroundings,
        topic_variable: topic,
        # Small reads and writes, so that a stop finds it in the middle.
        "DAYBOOK_BULK_RECORDS": "50",
        "DAYBOOK_POLL_RECORDS": "200",
    }
    values = [
        json.dumps(
            request_event(id=f"e-{n}")
            if service == "ingest"
            else task_event("started", id=f"e-{n}", data={"task_id": f"t-{n}"})
        ).encode()
        for n in range(events)
    ]
    stored = mongo_client[database_name][collection]

    async def has_begun() -> bool:
        return await stored.count_documents({}) > 0

    async def all_are_stored() -> bool:
        return await stored.count_documents({}) == events

    process = spawn(service, environment)
    publishing = asyncio.create_task(publish(kafka_bootstrap, topic, values))
    await eventually(has_begun, within=60, every=0.005)
    took = await asyncio.to_thread(stop, process)
    await publishing
    left_stored = await stored.count_documents({})
    left_committed = await committed(kafka_bootstrap, group, topic)
    spawn(service, environment)
    await eventually(all_are_stored, within=120)

    assert took < GRACE_S
    assert 0 < left_stored < events
    # Nothing that was done comes again, and nothing that was not is passed over.
    assert left_committed == left_stored


async def test_a_dispatcher_that_leaves_delivers_nothing_twice(
    kafka_bootstrap: str,
    mongo_client: AsyncMongoClient[Document],
    database_name: str,
    surroundings: dict[str, str],
    random_name: Callable[[str], str],
    spawn: Callable[..., Any],
) -> None:
    project, answers, events = random_name("stop"), reply(), 300
    database = mongo_client[database_name]
    environment = {
        **surroundings,
        "DAYBOOK_SEALING_KEYS": KEYS,
        "DAYBOOK_WEBHOOK_PLAIN_HTTP": "true",
        "DAYBOOK_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    }

    async def slowly(received: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        await answers(received, writer)

    async with Receiver(slowly) as receiver:
        await store_endpoint(database, project, receiver.url(), max_in_flight=4)
        process = spawn("webhook_dispatcher", environment)
        await publish(
            kafka_bootstrap,
            WEBHOOKS,
            [
                webhook_event(id=f"e-{n}", projectid=project, time=...)
                for n in range(events)
            ],
        )
        await eventually(lambda: len(receiver.requests) > 20, within=60)
        took = await asyncio.to_thread(stop, process, DISPATCHER_GRACE_S)
        left_asked = len(receiver.requests)
        left = await database["sendouts"].find({"status": {"$ne": "SENT"}}).to_list()
        left_sent = await database["sendouts"].count_documents({"status": "SENT"})
        spawn("webhook_dispatcher", environment)

        async def all_are_sent() -> bool:
            sent = {"status": "SENT"}
            return await database["sendouts"].count_documents(sent) == events

        await eventually(all_are_sent, within=60)

    assert took < DISPATCHER_GRACE_S
    assert left_asked < events
    # Each that was under way was answered, and its answer stored.
    assert left_sent == left_asked, left
    times = Counter(one.header("webhook-id") for one in receiver.requests)
    assert set(times.values()) == {1}


async def test_an_exporter_that_leaves_hands_its_export_on_at_once(
    mongodb_uri: str,
    mongo_client: AsyncMongoClient[Document],
    database_name: str,
    surroundings: dict[str, str],
    spawn: Callable[..., Any],
) -> None:
    database, now, logs = mongo_client[database_name], datetime.now(UTC), 20_000
    await ensure_exports(database["exports"])
    await ensure_logs(database["logs"], {"shared": timedelta(days=180)})
    await database["logs"].insert_many(
        [
            stored_log(
                f"l-{n:05d}",
                now - timedelta(seconds=n + 1),
                request={"body": "x" * 4_000},
            )
            for n in range(logs)
        ]
    )
    asked = {
        "exported_object": "api_log",
        "parameters": {"fields": ["id", "request_body"]},
    }
    export = new_export("shop", "exp_1", read_parameters(asked), "API", None, now, None)
    await database["exports"].insert_one(export)
    environment = {
        **surroundings,
        "DAYBOOK_WATERMARKS_WITHIN": "PT0S",
        # Nobody waits that long here.
        "DAYBOOK_EXPORT_LEASE": "PT600S",
    }

    async def found(**wanted: Any) -> Document | None:
        return await database["exports"].find_one({"_id": export["_id"], **wanted})

    host, port = parse_uri(mongodb_uri)["nodelist"][0]
    # It is in the middle, however fast it is: its second part is not listed before.
    async with holding(host, port, SECOND_PART_IS_LISTED, "message") as (address, way):
        near = f"mongodb://{address}/?directConnection=true"
        process = spawn("exporter", environment | {"MONGODB_URI": near})
        await way.held.wait()
        took = await asyncio.to_thread(stop, process)
    left = await found()
    spawn("exporter", environment)
    done = await eventually(lambda: found(status="DONE"), within=60)

    assert took < GRACE_S
    assert left is not None
    assert done is not None
    assert left["status"] == "IN_PROGRESS"
    assert "leased_until" not in left
    assert len(left["parts"]) == 1
    # What was listed stays, and what follows is the next one's.
    assert done["parts"][:1] == left["parts"]
    assert sum(part["rows"] for part in done["parts"]) == done["rows"] == logs
