"""Between one consumer and its pipeline: backpressure, commits, rebalances."""

# aiokafka's own types are partial, and do not say that listeners may be coroutines.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportIncompatibleMethodOverride=false

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Generic

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from daybook.runtime.clock import monotonic
from daybook.runtime.consuming.consumer import TolerantConsumer
from daybook.runtime.consuming.pipeline import ItemT, Pipeline
from daybook.runtime.consuming.raw import RawBatch
from daybook.runtime.consuming.settings import ConsumerSettings

log = logging.getLogger(__name__)

# How long a handler waits for room before the partitions are paused instead: polling
# must go on, or the group takes the process for dead.
ROOM_WITHIN_S = 2.0
# How long records are judged at a stretch. The group's heartbeats share this thread: a
# batch of odd records takes many seconds, and a process that was silent for so long
# would lose its partitions, and read the same batch again, for ever.
STRETCH_S = 0.1
COMMIT_WITHIN_S = 10.0


class Intake(ConsumerRebalanceListener, Generic[ItemT]):
    """Hands a subscriber's batches to the pipeline, each record judged by ``judge``.

    ``judge`` never raises for what a record holds.
    """

    def __init__(
        self, settings: ConsumerSettings, judge: Callable[[Any], ItemT]
    ) -> None:
        self._settings = settings
        self._judge = judge
        self._consumer_of: Callable[[], TolerantConsumer | None] = lambda: None
        self._pipeline: Pipeline[ItemT] | None = None
        self._holding: asyncio.Task[None] | None = None

    def join(
        self,
        consumer_of: Callable[[], TolerantConsumer | None],
        pipeline: Pipeline[ItemT],
    ) -> None:
        """Name both ends; before any record is read."""
        self._consumer_of, self._pipeline = consumer_of, pipeline

    @property
    def consumer(self) -> TolerantConsumer | None:
        """The consumer, while it is started."""
        return self._consumer_of()

    def options(self) -> dict[str, Any]:
        """What every subscriber of ours tells its consumer."""
        settings = self._settings
        return {
            "auto_offset_reset": "earliest",
            "listener": self,
            "max_records": settings.poll_records,
            # FastStream sleeps this long once more after an empty poll.
            "batch_timeout_ms": 20,
            "fetch_max_bytes": settings.fetch_bytes,
            "max_partition_fetch_bytes": settings.fetch_bytes,
            "fetch_max_wait_ms": 100,
            "session_timeout_ms": _ms(settings.session_timeout.total_seconds()),
            "heartbeat_interval_ms": _ms(settings.session_timeout.total_seconds() / 4),
            "rebalance_timeout_ms": _ms(settings.rebalance_timeout.total_seconds()),
        }

    async def take(self, batch: RawBatch) -> None:
        """Judge one batch and hand it on; waits while too much is in flight."""
        consumer, pipeline = self.consumer, self._pipeline
        if consumer is None or pipeline is None or pipeline.failed:
            return  # stopping: nothing past the last batch taken is committed
        taken = False
        try:
            items = await self._judge_all(batch)
            has_room = await pipeline.room(ROOM_WITHIN_S)
            # One that waited for room until a stop is read again: what it stored now
            # would come after the last commit, and nobody would end what holds.
            if self._pipeline is pipeline:
                if not has_room:
                    self._hold(consumer, pipeline)
                if consumer.polled_is_current():
                    pipeline.take(items)
            taken = True
        finally:
            if not taken:
                # FastStream goes on with the next batch: without this, its commit would
                # skip the records of this one.
                pipeline.failed = True

    async def _judge_all(self, batch: RawBatch) -> list[ItemT]:
        items: list[ItemT] = []
        rested_at = monotonic()
        for record in batch.records:
            items.append(self._judge(record))
            if monotonic() - rested_at > STRETCH_S:
                await asyncio.sleep(0)
                rested_at = monotonic()
        return items

    def _hold(self, consumer: TolerantConsumer, pipeline: Pipeline[ItemT]) -> None:
        """Stop reading, but keep polling, until there is room again."""
        if self._holding is None or self._holding.done():
            log.warning("the database is behind: reading pauses until it has caught up")
            consumer.pause(*consumer.assignment())
            self._holding = asyncio.create_task(self._resume(consumer, pipeline))

    async def _resume(
        self, consumer: TolerantConsumer, pipeline: Pipeline[ItemT]
    ) -> None:
        while not await pipeline.room(within=60):
            pass
        consumer.resume(*consumer.assignment())
        log.info("reading goes on")

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> bool:
        """Commit explicit offsets of what is still assigned; False where it failed."""
        consumer = self.consumer
        if consumer is None:
            return False
        assigned = consumer.assignment()
        mine = {
            partition: at for partition, at in offsets.items() if partition in assigned
        }
        if not mine:
            return False
        try:
            await asyncio.wait_for(consumer.commit(mine), COMMIT_WITHIN_S)
        except CommitFailedError:
            log.info("a rebalance overtook a commit: its records will be read again")
            return False
        except (KafkaError, IllegalStateError, TimeoutError) as error:
            log.warning("cannot commit, trying again later: %r", error)
            return False
        return True

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        if self._pipeline is not None and revoked:
            # Half of what the group waits for: the commit needs time of its own.
            deadline = self._settings.rebalance_timeout.total_seconds() / 2
            await self._pipeline.revoke(deadline)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        holding = self._holding is not None and not self._holding.done()
        if holding and (consumer := self.consumer) is not None:
            consumer.pause(*assigned)

    async def stop(self, within: float) -> None:
        """Read no more; write what was taken, commit it, and let go."""
        consumer, pipeline = self.consumer, self._pipeline
        if self._holding is not None:
            self._holding.cancel()
        if consumer is None or pipeline is None:
            return
        self._pipeline = None
        consumer.pause(*consumer.assignment())
        await pipeline.drain(within)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
