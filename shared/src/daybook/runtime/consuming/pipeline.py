"""From polled batches to durable writes to commits, with a bound on what is in flight.

Records gather in one open bulk. A full bulk, or one that has lingered, is written while
the next gathers; several writes may be in flight. Each bulk is one span a partition in
that partition's watermark, so an offset is committed only once all before it is done
with: stored, dead-lettered, or passed over for good.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from aiokafka import TopicPartition

from daybook.runtime.consuming.settings import ConsumerSettings
from daybook.runtime.consuming.watermark import Span, Watermark
from daybook.runtime.ending import end
from daybook.runtime.metrics import ConsumerMetrics

log = logging.getLogger(__name__)

Place = tuple[int, int]  # of a record: its offset, and when it was appended, in ms
Commit = Callable[[Mapping[TopicPartition, int]], Awaitable[bool]]


class Item(Protocol):
    """What was judged of one record; ``size`` is the bytes that it takes."""

    @property
    def record(self) -> Any: ...
    @property
    def size(self) -> int: ...


ItemT = TypeVar("ItemT", bound=Item)


@dataclass(slots=True)
class Bulk(Generic[ItemT]):
    """What is written together."""

    items: list[ItemT] = field(default_factory=list[ItemT])
    last: dict[TopicPartition, Place] = field(
        default_factory=dict[TopicPartition, Place]
    )
    spans: list[Span] = field(default_factory=list[Span])
    size: int = 0

    def add(self, item: ItemT) -> None:
        record = item.record
        self.items.append(item)
        self.size += item.size
        partition = TopicPartition(record.topic, record.partition)
        self.last[partition] = (record.offset, record.timestamp)

    def where(self) -> str:
        """Where its records stand: topic/partition:first-last, of each partition."""
        first: dict[TopicPartition, int] = {}
        for item in self.items:
            record = item.record
            partition = TopicPartition(record.topic, record.partition)
            first.setdefault(partition, record.offset)
        return ", ".join(
            f"{place.topic}/{place.partition}:{begin}-{self.last[place][0]}"
            for place, begin in first.items()
        )


class Pipeline(Generic[ItemT]):
    """Takes judged records, has them written, and commits what is contiguous.

    ``write`` returns once all that it was given is done with; it may be called again
    with the same records, and several calls run at once. It waits for a database or a
    broker that is away: an exception means that only a restart helps.
    """

    def __init__(
        self,
        write: Callable[[list[ItemT]], Awaitable[None]],
        commit: Commit,
        settings: ConsumerSettings,
        metrics: ConsumerMetrics,
    ) -> None:
        self._write_items = write
        self._commit = commit
        self._settings = settings
        self.metrics = metrics
        self._open = Bulk[ItemT]()
        self._linger: asyncio.TimerHandle | None = None
        self._writes: set[asyncio.Task[None]] = set()
        self._bytes = 0
        self._room = asyncio.Event()
        self._room.set()
        self._watermarks: dict[TopicPartition, Watermark] = {}
        self.failed = False
        """Whether a write ended in an unforeseen way: only a restart helps."""

    @property
    def writes_in_flight(self) -> int:
        """How many writes are not yet durable."""
        return len(self._writes)

    async def room(self, within: float) -> bool:
        """Wait until less than the bound is in flight, or the time is up."""
        try:
            await asyncio.wait_for(self._room.wait(), within)
        except TimeoutError:
            return False
        return True

    def take(self, items: Iterable[ItemT]) -> None:
        """Add one polled batch of partitions that are still assigned, in its order."""
        for item in items:
            self._open.add(item)
            if (
                len(self._open.items) >= self._settings.bulk_records
                or self._open.size >= self._settings.bulk_bytes
            ):
                self._dispatch()
        if self._open.items and self._linger is None:
            loop = asyncio.get_running_loop()
            self._linger = loop.call_later(
                self._settings.linger.total_seconds(), self._dispatch
            )

    def _dispatch(self) -> None:
        """Send the open bulk on its way."""
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        bulk, self._open = self._open, Bulk[ItemT]()
        if not bulk.items:
            return
        bulk.spans = [
            self._watermarks.setdefault(partition, Watermark()).begin(*place)
            for partition, place in bulk.last.items()
        ]
        task = asyncio.create_task(self._write(bulk))
        self._writes.add(task)
        task.add_done_callback(partial(self._written, bulk))
        self._account(bulk.size)

    async def _write(self, bulk: Bulk[ItemT]) -> None:
        try:
            await self._write_items(bulk.items)
        finally:
            self._account(-bulk.size)
        for span in bulk.spans:
            span.done = True
        self.metrics.batch_size.observe(len(bulk.items))

    def _written(self, bulk: Bulk[ItemT], task: asyncio.Task[None]) -> None:
        self._writes.discard(task)
        self._account(0)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Its span never ends, so nothing past it is committed: the watchdog sees
            # no progress, the process is restarted, and all of it is read again.
            log.critical(
                "a write failed in an unforeseen way: %s", bulk.where(), exc_info=error
            )
            self.failed = True

    def _account(self, change: int) -> None:
        self._bytes += change
        self.metrics.bytes_in_flight.set(self._bytes)
        self.metrics.writes_in_flight.set(len(self._writes))
        if (
            len(self._writes) < self._settings.writes_in_flight
            and self._bytes < self._settings.bytes_in_flight
        ):
            self._room.set()
        else:
            self._room.clear()

    async def commit(self) -> None:
        """Commit each partition's watermark where it has moved."""
        if self.failed:
            return
        offsets = {
            partition: offset
            for partition, watermark in self._watermarks.items()
            if (offset := watermark.uncommitted()) is not None
        }
        if offsets and await self._commit(offsets):
            for partition, offset in offsets.items():
                if (watermark := self._watermarks.get(partition)) is not None:
                    watermark.committed(offset)

    def stored_before_ms(self) -> dict[TopicPartition, int]:
        """Of each partition that was read, a time before which all is stored."""
        return {
            partition: received
            for partition, watermark in self._watermarks.items()
            if (received := watermark.received_ms()) is not None
        }

    def is_idle(self, partition: TopicPartition) -> bool:
        """Whether everything that was taken of a partition is stored."""
        watermark = self._watermarks.get(partition)
        return partition not in self._open.last and (
            watermark is None or watermark.is_idle()
        )

    async def drain(self, within: float) -> None:
        """Write what was taken, wait for it up to ``within`` seconds, and commit.

        What is unfinished by then stays uncommitted and is read again by whoever has
        the partition next.
        """
        self._dispatch()
        if self._writes:
            await asyncio.wait(self._writes, timeout=within)
        await self.commit()

    async def revoke(self, within: float) -> None:
        """Drain, then forget all partitions: their next owner starts at the commit."""
        await self.drain(within)
        self._watermarks = {}
        # Taken while draining: of partitions that are no longer ours.
        self._open = Bulk[ItemT]()

    async def close(self) -> None:
        """Give up what is still being written; it was not committed."""
        await end(self._writes)
