"""Up to when all of a partition is stored, also of one that is idle."""

# aiokafka's own types are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Protocol, cast

from aiokafka import TopicPartition

from daybook.runtime.clock import Clock
from daybook.runtime.consuming.consumer import TolerantConsumer
from daybook.storage.times import to_ms

ASK_WITHIN_S = 10.0


class Progress(Protocol):
    """What a pipeline knows of its partitions."""

    @property
    def failed(self) -> bool: ...
    def stored_before_ms(self) -> dict[TopicPartition, int]: ...
    def is_idle(self, partition: TopicPartition) -> bool: ...


class Reached:
    """Of each assigned partition, a time in ms before which all it had is stored.

    An idle partition's moves on with the clock, less ``skew``: how far the brokers'
    clocks may be behind this one.
    """

    def __init__(
        self,
        pipeline: Progress,
        consumer_of: Callable[[], TolerantConsumer | None],
        clock: Clock,
        skew: timedelta,
    ) -> None:
        self._pipeline = pipeline
        self._consumer_of = consumer_of
        self._clock = clock
        self._skew = skew

    async def marks(self) -> dict[TopicPartition, int]:
        """Ask the brokers where the partitions end; nothing while nothing is read.

        Raises aiokafka's ``KafkaError`` and :class:`TimeoutError`.
        """
        consumer = self._consumer_of()
        if consumer is None or self._pipeline.failed:
            return {}
        return await asyncio.wait_for(self._marks(consumer), ASK_WITHIN_S)

    async def _marks(self, consumer: TolerantConsumer) -> dict[TopicPartition, int]:
        # Taken before asking: whatever is appended later is received later.
        asked_at = to_ms(self._clock() - self._skew)
        ends = cast(
            "Mapping[TopicPartition, int]",
            await consumer.end_offsets(list(consumer.assignment())),
        )
        marks = self._pipeline.stored_before_ms()
        for partition, end in ends.items():
            if consumer.has_handed_on(partition, end) and self._pipeline.is_idle(
                partition
            ):
                marks[partition] = max(marks.get(partition, asked_at), asked_at)
        return marks
