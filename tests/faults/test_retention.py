"""What expires with its tier, and what is kept for ever, by MongoDB's own monitor."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import AIOKafkaProducer
from daybook.testing.records import request_event, task_event
from daybook.testing.servers import ServerHandle
from daybook.testing.waiting import eventually
from pymongo import AsyncMongoClient

TIERS = "shared=4s"


async def test_requests_and_progress_expire_and_tasks_and_their_history_stay(
    kafka_bootstrap: str,
    prompt_mongodb: ServerHandle,
    make_topic: Callable[..., Awaitable[str]],
    random_name: Callable[[str], str],
    spawn: Callable[..., Any],
) -> None:
    topics = {
        name: await make_topic(name, partitions=1)
        for name in ("requests", "tasks", "webhooks")
    }
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap,
        "MONGODB_URI": prompt_mongodb.address,
        "DAYBOOK_TIERS": TIERS,
        "DAYBOOK_INGEST_GROUP_ID": random_name("ingest"),
        "DAYBOOK_TASK_TRACKER_GROUP_ID": random_name("tracker"),
        "DAYBOOK_HEALTH_PORT": "0",
        **{f"DAYBOOK_{name.upper()}_TOPIC": topic for name, topic in topics.items()},
    }
    spawn("ingest", environment)
    spawn("task_tracker", environment)
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(prompt_mongodb.address)
    async with client:
        database = client["daybook"]

        async def count(collection: str) -> int:
            return await database[collection].count_documents({})

        producer: Any = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap)
        inserts = [{"$match": {"operationType": "insert"}}]
        async with await database.watch(inserts) as stored, producer:
            await producer.send_and_wait(
                topics["requests"], json.dumps(request_event()).encode()
            )
            for kind in ("started", "progressed", "finished"):
                event = task_event(kind, id=kind)
                await producer.send_and_wait(
                    topics["tasks"], json.dumps(event).encode(), key=b"t"
                )
            # As they come: what was slow to be stored may expire before anyone looks.
            awaited = ["logs", "tasks", *["task_events"] * 3]
            async with asyncio.timeout(60):
                while awaited:
                    name = (await stored.next())["ns"]["coll"]
                    if name in awaited:
                        awaited.remove(name)

        async def the_rest_has_expired() -> bool:
            return (await count("logs"), await count("task_events")) == (0, 2)

        await eventually(the_rest_has_expired, within=60)
        kept = [event["type"] async for event in database["task_events"].find()]
        assert sorted(kept) == ["daybook.task.finished.v1", "daybook.task.started.v1"]
        (task,) = await database["tasks"].find().to_list()
        assert (task["status"], task["done_count"]) == ("DONE", 9)
        assert await count("task_failed_rows") == 1
        for name in ("tasks", "task_failed_rows"):
            indexes = await database[name].index_information()
            assert not [one for one in indexes.values() if "expireAfterSeconds" in one]
