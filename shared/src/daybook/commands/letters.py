"""Reading the topic of the dead letters: without a group, up to its end as of now."""

# aiokafka's own types are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from daybook.commands.letter import Letter, Place
from daybook.commands.trouble import BrokerAway, NoSuchPlace, NoSuchTopic
from daybook.events.topics import MEBIBYTE
from daybook.runtime.consuming import records
from daybook.runtime.kafka import Brokers
from daybook.storage.times import to_ms

# A broker that says nothing for so long is away.
PATIENCE_S = 8.0
# Letters that are unpacked at once: each may be far larger than it was on the wire.
POLLED = 16
# Larger than any letter's batch; the broker sends a larger first batch all the same.
FETCH_BYTES = 16 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class Span:
    """Part of one partition: from ``begin`` up to, without, ``end``."""

    begin: int
    end: int


Spans = Mapping[int, Span]


class LetterTopic:
    """The letters of one topic, for as long as its consumer is open."""

    def __init__(
        self, topic: str, consumer: Any, partitions: Mapping[str, frozenset[int]]
    ) -> None:
        self._topic = topic
        self._consumer = consumer
        # Every topic of the cluster with its partitions.
        self.partitions = partitions

    async def spans(
        self, *, since: datetime | None = None, newest: int | None = None
    ) -> dict[int, Span]:
        """What the topic holds now, by partition; what comes later is not in it.

        ``since`` leaves out what was written before, ``newest`` all but about so many
        of each partition.
        """
        wanted = [TopicPartition(self._topic, p) for p in sorted(self._own)]
        async with answering():
            begins = await self._consumer.beginning_offsets(wanted)
            ends = await self._consumer.end_offsets(wanted)
            if since is not None:
                moment = max(0, to_ms(since))
                found = await self._consumer.offsets_for_times(
                    dict.fromkeys(wanted, moment)
                )
                for key in wanted:
                    at = found.get(key)
                    begins[key] = ends[key] if at is None else at.offset
        if newest is not None:
            begins = {key: max(begins[key], ends[key] - newest) for key in wanted}
        return {key.partition: Span(begins[key], ends[key]) for key in wanted}

    async def read(self, spans: Spans) -> AsyncIterator[Letter]:
        """Every letter of ``spans``, in the order of each partition."""
        left = {
            TopicPartition(self._topic, partition): span.end
            for partition, span in spans.items()
            if span.begin < span.end
        }
        self._consumer.assign(list(left))
        for key in left:
            self._consumer.seek(key, spans[key.partition].begin)
        reached = -1
        while left:
            polled = await self._poll()
            for record in polled:
                letter = Letter.of(record)
                if letter.place.offset < spans[letter.place.partition].end:
                    yield letter
            async with answering():
                positions = {key: await self._consumer.position(key) for key in left}
            if not polled and sum(positions.values()) == reached:
                raise BrokerAway
            # Not the records alone: the last offsets of a span may be gone.
            reached = sum(positions.values())
            for key, position in positions.items():
                if position >= left[key]:
                    del left[key]
                    self._consumer.pause(key)

    async def at(self, place: Place) -> Letter:
        """The letter at ``place``; raises :class:`NoSuchPlace`."""
        held = (await self.spans()).get(place.partition)
        if held is not None and held.begin <= place.offset < held.end:
            span = Span(place.offset, place.offset + 1)
            async for letter in self.read({place.partition: span}):
                return letter
        raise NoSuchPlace(self._topic, place, held and (held.begin, held.end))

    @property
    def _own(self) -> frozenset[int]:
        return self.partitions[self._topic]

    async def _poll(self) -> list[Any]:
        polled = await self._consumer.getmany(
            timeout_ms=int(PATIENCE_S * 1000), max_records=POLLED
        )
        return [record for batch in polled.values() for record in batch]


@asynccontextmanager
async def answering() -> AsyncGenerator[None]:
    """Bounds a wait for the broker; raises :class:`BrokerAway` past it."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield
    except TimeoutError as late:
        raise BrokerAway from late


@asynccontextmanager
async def open_letters(brokers: Brokers, topic: str) -> AsyncGenerator[LetterTopic]:
    """Connect; raises :class:`NoSuchTopic`, or aiokafka's errors within seconds."""
    records.install()
    async with answering():
        partitions = await _partitions(brokers)
        if topic not in partitions:
            raise NoSuchTopic(topic)
        consumer: Any = AIOKafkaConsumer(
            **brokers.options(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_bytes=FETCH_BYTES,
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
    try:
        yield LetterTopic(topic, consumer, partitions)
    finally:
        await consumer.stop()


async def _partitions(brokers: Brokers) -> dict[str, frozenset[int]]:
    """Every topic's partitions. Asking for one by its name might make it."""
    admin = AIOKafkaAdminClient(**brokers.options())
    try:
        await admin.start()
        described: Any = await admin.describe_topics()
    finally:
        await admin.close()
    return {
        topic["topic"]: frozenset(part["partition"] for part in topic["partitions"])
        for topic in described
    }
