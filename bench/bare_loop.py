"""The bare loop that ingest is measured beside: the least code that stores a topic.

``getmany`` → ``orjson.loads`` → ``_id`` and dates set → BSON →
``insert_many(ordered=False)`` → commit. One write in flight, no checks: a bad record
stops it, a redelivered one fails it, and the database going away ends it.
"""

# aiokafka's own types are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import argparse
from datetime import UTC, datetime
from typing import Any

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer
from pymongo import AsyncMongoClient, WriteConcern


def document_of(record: Any) -> dict[str, Any]:
    """The event as it came, with what the collection needs at least."""
    event = orjson.loads(record.value)
    event["_id"] = f"{event['projectid']}/{event['id']}"
    event["created_at"] = datetime.fromisoformat(event.pop("time"))
    event["received_at"] = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    return event


async def run(bootstrap: str, topic: str, group: str, uri: str, database: str) -> None:
    """Store until killed."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri)
    logs = client[database].get_collection(
        "logs", write_concern=WriteConcern(w="majority", j=True)
    )
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=8 * 1024 * 1024,
    )
    await consumer.start()
    while True:
        polled = await consumer.getmany(timeout_ms=200, max_records=1000)
        documents = [document_of(one) for records in polled.values() for one in records]
        if documents:
            await logs.insert_many(documents, ordered=False)
            await consumer.commit()


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "topic", "group", "uri", "database"):
        parser.add_argument(f"--{name}", required=True)
    uvloop.run(run(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
