"""Reading task events back from Kafka, as they lie there."""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer

from daybook.events.topics import TASKS, TOPICS
from daybook.runtime.kafka_topics import ensure_topics


async def ensure_task_topic(bootstrap: str) -> None:
    """Make the topic where it is missing."""
    await ensure_topics(bootstrap, [TOPICS[TASKS]])


async def read_task_events(
    bootstrap: str,
    project_id: str,
    enough: Callable[[list[dict[str, Any]]], bool],
    within: float = 30.0,
) -> list[dict[str, Any]]:
    """The project's task events in the order of their partitions, each id once, read
    from the topic's start until they are ``enough``."""
    consumer: Any = AIOKafkaConsumer(
        TASKS, bootstrap_servers=bootstrap, auto_offset_reset="earliest"
    )
    events: dict[str, dict[str, Any]] = {}
    await consumer.start()
    try:
        async with asyncio.timeout(within):
            while not enough(list(events.values())):
                polled = await consumer.getmany(timeout_ms=100)
                for records in polled.values():
                    for record in records:
                        event = orjson.loads(record.value)
                        if event["projectid"] == project_id:
                            events.setdefault(event["id"], event)
    except TimeoutError:
        said = [(event["type"], event["data"]) for event in events.values()]
        raise AssertionError(f"not enough within {within:g} s: {said}") from None
    finally:
        await consumer.stop()
    return list(events.values())


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """``enqueued``, ``started`` …: what the events say, in short."""
    return [event["type"].split(".")[2] for event in events]
