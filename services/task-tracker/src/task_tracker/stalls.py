"""Tasks that run, promised signs of life, and are silent."""

# aiokafka's own types are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import logging
from datetime import datetime
from typing import Protocol

from aiokafka.errors import KafkaError
from daybook.runtime.consuming.reached import Reached
from daybook.runtime.metrics import TrackerMetrics
from daybook.storage.times import from_ms
from pymongo.errors import PyMongoError

log = logging.getLogger(__name__)


class Stalling(Protocol):
    async def stall(self, topic: str, partition: int, reached: datetime) -> int: ...


class Stalls:
    """Looks for stalled tasks where the tracker has caught up.

    Where it has not, a sign of life may wait to be read, so nothing is said there.
    """

    def __init__(
        self, repository: Stalling, reached: Reached, metrics: TrackerMetrics
    ) -> None:
        self._repository = repository
        self._reached = reached
        self._metrics = metrics

    async def sweep(self) -> None:
        """Look once; where a server is away, the next time will do."""
        try:
            marks = await self._reached.marks()
            for partition, reached in marks.items():
                found = await self._repository.stall(
                    partition.topic, partition.partition, from_ms(reached)
                )
                if found:
                    self._metrics.stalled.inc(found)
                    log.info("%d tasks of %s are stalled", found, partition)
        except (KafkaError, PyMongoError, TimeoutError) as error:
            log.warning("cannot look for stalled tasks: %s", str(error)[:200])
