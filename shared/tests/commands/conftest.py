"""Letters on a topic of the test's own, and the command that reads them."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Generator
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer
from click.testing import CliRunner, Result
from daybook.commands.group import daybook
from daybook.events.faults import NotJson, RecordFault
from daybook.runtime.dead_letters import DeadLetter, DeadLetterProducer
from daybook.testing.records import FakeRecord

MakeTopic = Callable[..., Awaitable[str]]
MakeRecord = Callable[..., FakeRecord]
Run = Callable[..., Awaitable[Result]]
PutAside = Callable[..., Awaitable[None]]
Consume = Callable[[str, int], Awaitable[list[Any]]]


@pytest_asyncio.fixture
async def topic(make_topic: MakeTopic) -> str:
    """A topic for dead letters, as Daybook makes its own."""
    return await make_topic(
        prefix="dead-letters", partitions=1, max_message_bytes=6 * 1024 * 1024
    )


@pytest.fixture
def environment(kafka_bootstrap: str, topic: str) -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap,
        "DAYBOOK_DEAD_LETTERS_TOPIC": topic,
    }


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Runs ``daybook dead-letters …``; it has an event loop of its own."""

    async def call(*arguments: str, answer: str | None = None) -> Result:
        return await asyncio.to_thread(
            CliRunner().invoke,
            daybook,
            ["dead-letters", *arguments],
            input=answer,
            env=environment,
            catch_exceptions=False,
        )

    return call


@pytest.fixture
def put_aside(kafka_bootstrap: str, topic: str) -> PutAside:
    """Writes letters about records as ingest does, from place 0:0 on."""

    async def write(*letters: FakeRecord | tuple[FakeRecord, RecordFault]) -> None:
        producer = DeadLetterProducer(kafka_bootstrap, topic, Random(1))
        await producer.start()
        try:
            await producer.send([_letter(letter) for letter in letters])
        finally:
            await producer.stop()

    return write


def _letter(letter: FakeRecord | tuple[FakeRecord, RecordFault]) -> DeadLetter:
    if isinstance(letter, FakeRecord):
        return DeadLetter(letter, NotJson("it begins with x"))
    return DeadLetter(*letter)


@pytest.fixture
def consume(kafka_bootstrap: str) -> Consume:
    """Reads so many records from the start of a topic."""

    async def read(topic: str, count: int) -> list[Any]:
        consumer: Any = AIOKafkaConsumer(
            topic, bootstrap_servers=kafka_bootstrap, auto_offset_reset="earliest"
        )
        async with consumer, asyncio.timeout(20):
            return [await consumer.getone() for _ in range(count)]

    return read


@pytest.fixture
def record() -> MakeRecord:
    """A record that was refused; anything about it can be given."""

    def make(value: bytes | None = b"{not json", **about: Any) -> FakeRecord:
        return replace(FakeRecord(value, key=b"req_1", offset=456), **about)

    return make


@pytest.fixture
def silent_port() -> Generator[int]:
    """A port that accepts connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]
