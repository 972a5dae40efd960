"""Sending letters' records back to where they came from, as they were."""

# aiokafka's own types are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError, OutOfOrderSequenceNumber

from daybook.commands.letter import Letter, Place
from daybook.commands.letters import LetterTopic, Spans, answering
from daybook.events.topics import MEBIBYTE
from daybook.runtime.kafka import Brokers

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
    selection: Selection, brokers: Brokers, partitions: Partitions
) -> Outcome:
    """Send every record that can be sent; returns once all are acknowledged.

    Value, key and the publisher's headers are what they were, and so are topic and
    partition where that partition exists. In the order of the letters, but for those
    that were sent beside one that its topic refuses.
    """
    sender = _Sender(brokers, partitions)
    try:
        async for letter in selection.read():
            if why_not(letter, partitions) is None:
                await sender.send(letter)
        await sender.settle()
    finally:
        await sender.stop()
    return sender.outcome


class _Sender:
    """Sends letters, several in flight; one that is refused holds back no other."""

    def __init__(self, brokers: Brokers, partitions: Partitions) -> None:
        self.outcome = Outcome()
        self._brokers = brokers
        self._partitions = partitions
        self._producer: Any = None
        self._waiting: list[tuple[Letter, Any]] = []
        self._bytes = 0

    async def send(self, letter: Letter) -> None:
        """Send; waits for what is in flight where that is too much."""
        held = len(self._waiting)
        if held and (self._bytes + letter.size > MOST_BYTES or held >= MOST_RECORDS):
            await self.settle()
        try:
            self._waiting.append((letter, await self._produce(letter)))
        except MessageSizeTooLargeError:
            self._refuse(letter)
        else:
            self._bytes += letter.size

    async def settle(self) -> None:
        """Return once all that was sent is acknowledged or refused."""
        again: list[Letter] = []
        for letter, acknowledged in self._waiting:
            try:
                await acknowledged
            except _REFUSED:
                again.append(letter)
            else:
                self.outcome.sent += 1
        self._waiting.clear()
        self._bytes = 0
        if again:
            await self._one_by_one(again)

    async def _one_by_one(self, letters: list[Letter]) -> None:
        # Refused as a batch, or sent after one that was: now each answers for itself.
        await self.stop()
        for letter in letters:
            try:
                await (await self._produce(letter))
            except MessageSizeTooLargeError:
                self._refuse(letter)
                # The broker waits for the refused one's sequence number for ever.
                await self.stop()
            else:
                self.outcome.sent += 1

    async def _produce(self, letter: Letter) -> Any:
        if self._producer is None:
            self._producer = await _started(self._brokers)
        topic = letter.topic or ""
        partition = letter.partition
        return await self._producer.send(
            topic,
            value=letter.value,
            key=letter.key,
            headers=letter.original_headers,
            partition=partition if partition in self._partitions[topic] else None,
        )

    def _refuse(self, letter: Letter) -> None:
        why = "it is larger than its topic takes today (max.message.bytes)"
        self.outcome.refused.append((letter.place, why))

    async def stop(self) -> None:
        if self._producer is not None:
            producer, self._producer = self._producer, None
            await producer.stop()


_REFUSED = (MessageSizeTooLargeError, OutOfOrderSequenceNumber)


async def _started(brokers: Brokers) -> Any:
    producer = AIOKafkaProducer(
        **brokers.options(),
        acks="all",
        enable_idempotence=True,
        compression_type="zstd",
        request_timeout_ms=10_000,
        # Checked before compression; the topic's own limit is the broker's to judge.
        max_request_size=256 * MEBIBYTE,
    )
    try:
        async with answering():
            await producer.start()
    except BaseException:
        await producer.stop()
        raise
    return producer
