"""Sending letters' records back to where they came from, as they were."""

# aiokafka's own types are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from daybook.commands.letter import Letter, Place
from daybook.commands.letters import LetterTopic, Spans, answering
from daybook.events.topics import MEBIBYTE

Partitions = Mapping[str, frozenset[int]]
# What is held at once before it is acknowledged.
MOST_BYTES = 16 * MEBIBYTE
MOST_RECORDS = 500


class Selection:
    """The letters that somebody chose; the same ones however often they are read."""

    def __init__(
        self,
        letters: LetterTopic,
        places: Sequence[Place],
        spans: Spans,
        wanted: Callable[[Letter], bool],
    ) -> None:
        self._letters = letters
        self._places = tuple(dict.fromkeys(places))
        self._spans = spans
        self._wanted = wanted

    async def read(self) -> AsyncIterator[Letter]:
        for place in self._places:
            yield await self._letters.at(place)
        async for letter in self._letters.read(self._spans):
            if self._wanted(letter):
                yield letter


@dataclass
class Plan:
    """What a replay would do."""

    topics: Counter[str] = field(default_factory=Counter[str])
    bytes: int = 0
    skipped: list[tuple[Place, str]] = field(default_factory=list[tuple[Place, str]])

    @property
    def records(self) -> int:
        return self.topics.total()


async def plan(selection: Selection, partitions: Partitions) -> Plan:
    """Count what would be sent, and say of the rest why it cannot be."""
    made = Plan()
    async for letter in selection.read():
        why = why_not(letter, partitions)
        if why is not None:
            made.skipped.append((letter.place, why))
        elif letter.topic is not None:
            made.topics[letter.topic] += 1
            made.bytes += letter.size
    return made


def why_not(letter: Letter, partitions: Partitions) -> str | None:
    """Why a letter cannot be replayed, if so."""
    if letter.withheld is not None:
        return (
            f"its bytes are withheld ({letter.withheld}); they are at "
            f"{letter.source} for as long as that topic keeps them"
        )
    if not letter.value:
        return "the record had no value, and there is nothing to send"
    if letter.topic is None:
        return "it does not say which topic it came from"
    if letter.topic not in partitions:
        return f"there is no topic {letter.topic} any more"
    return None


@dataclass
class Outcome:
    """What a replay did."""

    sent: int = 0
    refused: list[tuple[Place, str]] = field(default_factory=list[tuple[Place, str]])


async def replay(
    selection: Selection, bootstrap_servers: str, partitions: Partitions
) -> Outcome:
    """Send every record that can be sent; returns once all are acknowledged.

    Value, key and the publisher's headers are what they were, and so are topic and
    partition where that partition exists. In the order of the letters.
    """
    outcome = Outcome()
    waiting: list[tuple[Place, Any]] = []
    held = 0
    async with _producer(bootstrap_servers) as producer:
        async for letter in selection.read():
            if why_not(letter, partitions) is not None:
                continue
            if held + len(letter.value) > MOST_BYTES or len(waiting) >= MOST_RECORDS:
                await _settle(waiting, outcome)
                held = 0
            held += len(letter.value)
            try:
                acknowledged: Any = await _send(producer, letter, partitions)
            except MessageSizeTooLargeError:
                outcome.refused.append((letter.place, _TOO_LARGE))
            else:
                waiting.append((letter.place, acknowledged))
        await _settle(waiting, outcome)
    return outcome


_TOO_LARGE = "it is larger than its topic takes today (max.message.bytes)"


async def _send(producer: Any, letter: Letter, partitions: Partitions) -> Any:
    topic, partition = letter.topic, letter.partition
    return await producer.send(
        topic,
        value=letter.value,
        key=letter.key,
        headers=letter.original_headers,
        partition=partition if partition in partitions[topic or ""] else None,
    )


async def _settle(waiting: list[tuple[Place, Any]], outcome: Outcome) -> None:
    for place, acknowledged in waiting:
        try:
            await acknowledged
        except MessageSizeTooLargeError:
            outcome.refused.append((place, _TOO_LARGE))
        else:
            outcome.sent += 1
    waiting.clear()


@asynccontextmanager
async def _producer(bootstrap_servers: str) -> AsyncGenerator[Any]:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        acks="all",
        enable_idempotence=True,
        compression_type="zstd",
        request_timeout_ms=10_000,
        # Checked before compression; the topic's own limit is the broker's to judge.
        max_request_size=256 * MEBIBYTE,
    )
    async with answering():
        await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()
