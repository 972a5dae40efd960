"""What is on a topic: for asking what a service has told others."""

# aiokafka's own types are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import json
from typing import Any

from aiokafka import AIOKafkaConsumer

Document = dict[str, Any]


async def told(bootstrap: str, topic: str, project: str) -> list[Document]:
    """All that a topic holds of a project."""
    consumer: Any = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest"
    )
    async with consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        found: list[Document] = []
        while len(found) < sum(ends.values()):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += [json.loads(record.value) for record in records]
    return [one for one in found if one["projectid"] == project]
