"""Up to when all of a partition is stored: what an export waits for."""

# aiokafka's own types are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import cast

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from daybook.runtime.clock import Clock
from daybook.runtime.consuming.consumer import TolerantConsumer
from daybook.runtime.mongo import Document
from daybook.storage.times import from_ms, to_ms
from pymongo import UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from ingest.pipeline import Pipeline

log = logging.getLogger(__name__)

ASK_WITHIN_S = 10.0


class Watermarks:
    """Keeps one document a partition: ``received_at``, before which all is stored.

    It never goes back. An idle partition's moves on with the clock, less ``skew``: how
    far the brokers' clocks may be behind this one.
    """

    def __init__(
        self,
        collection: AsyncCollection[Document],
        pipeline: Pipeline,
        consumer_of: Callable[[], TolerantConsumer | None],
        clock: Clock,
        skew: timedelta,
    ) -> None:
        self._collection = collection
        self._pipeline = pipeline
        self._consumer_of = consumer_of
        self._clock = clock
        self._skew = skew

    async def write(self) -> None:
        """Write what is known now; where a server is away, the next time will do."""
        consumer = self._consumer_of()
        if consumer is None or self._pipeline.failed:
            return
        try:
            marks = await asyncio.wait_for(self._marks(consumer), ASK_WITHIN_S)
            if marks:
                await self._collection.bulk_write(_updates(marks), ordered=False)
        except (KafkaError, PyMongoError, TimeoutError) as error:
            log.warning("cannot write the watermarks: %s", str(error)[:200])

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


def _updates(marks: Mapping[TopicPartition, int]) -> list[UpdateOne]:
    return [
        UpdateOne(
            {"_id": f"{partition.topic}/{partition.partition}"},
            {
                "$max": {"received_at": from_ms(received)},
                "$set": {"topic": partition.topic, "partition": partition.partition},
            },
            upsert=True,
        )
        for partition, received in marks.items()
    ]
