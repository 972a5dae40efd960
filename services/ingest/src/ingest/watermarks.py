"""Up to when all of a partition is stored, told to others: what an export waits for."""

# aiokafka's own types are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import logging
from collections.abc import Mapping

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from daybook.runtime.consuming.reached import Reached
from daybook.runtime.mongo import Document
from daybook.storage.times import from_ms
from pymongo import UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

log = logging.getLogger(__name__)


class Watermarks:
    """Keeps one document a partition: ``received_at``, before which all is stored.

    It never goes back.
    """

    def __init__(self, collection: AsyncCollection[Document], reached: Reached) -> None:
        self._collection = collection
        self._reached = reached

    async def write(self) -> None:
        """Write what is known now; where a server is away, the next time will do."""
        try:
            marks = await self._reached.marks()
            if marks:
                await self._collection.bulk_write(_updates(marks), ordered=False)
        except (KafkaError, PyMongoError, TimeoutError) as error:
            log.warning("cannot write the watermarks: %s", str(error)[:200])


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
