"""A letter is sent whatever its record holds, and wherever it has to fit."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from daybook.events.faults import NotJson
from daybook.runtime.dead_letters import DeadLetter, DeadLetterProducer
from daybook.testing.records import FakeRecord


async def test_what_does_not_fit_is_withheld_be_it_value_or_headers(
    kafka_bootstrap: str, make_topic: Callable[..., Awaitable[str]]
) -> None:
    """A topic that an operator made may take less than a record's headers alone."""
    topic = await make_topic("letters", partitions=1, max_message_bytes=20_000)
    large = Random(1).randbytes(100_000)
    records = [
        FakeRecord(large, (("trace", b"t"),)),
        FakeRecord(b"{", (("trace", large),)),
        FakeRecord(b"{", (("trace", b"t"),)),
    ]
    producer = DeadLetterProducer(kafka_bootstrap, topic, Random(1))
    try:
        letters = [DeadLetter(record, NotJson()) for record in records]
        await asyncio.wait_for(producer.send(letters), timeout=60)
    finally:
        await producer.stop()

    sent = [
        (letter.value, {name for name, _ in letter.headers if name in SEEN})
        for letter in await read(kafka_bootstrap, topic, len(records))
    ]
    assert sent == [
        (b"", {"trace", "daybook_reason", "daybook_withheld"}),
        (b"", {"daybook_reason", "daybook_withheld"}),
        (b"{", {"trace", "daybook_reason"}),
    ]


SEEN = ("trace", "daybook_reason", "daybook_withheld")


async def read(bootstrap: str, topic: str, count: int) -> list[Any]:
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    async with consumer:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        return [await asyncio.wait_for(anext(consumer), 30) for _ in range(count)]
