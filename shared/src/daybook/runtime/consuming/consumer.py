"""A Kafka consumer that no single record can stop."""

# aiokafka's own types are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import logging
from functools import partial
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord
from faststream.kafka import KafkaBroker

from daybook.runtime.clock import Stopwatch, monotonic

log = logging.getLogger(__name__)

Records = dict[TopicPartition, list[Any]]


class UnpackedNever(ConsumerRecord[Any, Any]):
    """Stands for a record that aiokafka cannot unpack: its place, without its bytes."""


class TolerantConsumer(AIOKafkaConsumer):
    """aiokafka's consumer, which goes on past a record that it cannot unpack.

    A header *name* that is no UTF-8 makes aiokafka raise in the midst of a fetch: the
    good records polled with it are dropped, other partitions' with their positions
    moved, and the next poll meets the same record. Here every position is put back,
    the partitions are read one by one, the guilty one a record at a time up to the bad
    record, which is handed on as :class:`UnpackedNever` and passed.
    """

    def __init__(
        self, *topics: str, stopwatch: Stopwatch = monotonic, **options: Any
    ) -> None:
        super().__init__(*topics, **options)
        self._stopwatch = stopwatch
        self._suspects: list[TopicPartition] = []
        self.polled_at: float | None = None
        """When a poll last came back, by the stopwatch: what liveness is told by."""
        self._polled_under: object = None

    def polled_is_current(self) -> bool:
        """Whether the latest poll's records are of partitions still assigned.

        Records polled before a rebalance are read again by whoever has the partition
        now, from the commit on; storing them in between would break their order.
        """
        return self._polled_under is self._assigned()

    def _assigned(self) -> Any:
        subscription = cast("Any", self._subscription).subscription
        return None if subscription is None else subscription.assignment

    async def getmany(
        self,
        *partitions: TopicPartition,
        timeout_ms: int = 0,
        max_records: int | None = None,
    ) -> Records:
        if self._suspects:
            records = await self._read_suspect(self._suspects[0], max_records)
        else:
            records = await self._read_all(partitions, timeout_ms, max_records)
        self.polled_at = self._stopwatch()
        self._polled_under = self._assigned()
        return records

    async def _read_all(
        self,
        partitions: tuple[TopicPartition, ...],
        timeout_ms: int,
        max_records: int | None,
    ) -> Records:
        before = self._positions()
        try:
            return await super().getmany(
                *partitions, timeout_ms=timeout_ms, max_records=max_records
            )
        except UnicodeDecodeError:
            self._put_back(before)
            self._suspects = sorted(self.assignment())
            return {}

    async def _read_suspect(
        self, partition: TopicPartition, max_records: int | None
    ) -> Records:
        """What one suspect has, if it is not the guilty one or up to the bad record."""
        if partition not in self.assignment():
            self._suspects.remove(partition)
            return {}
        before = self._positions()
        try:
            records = await super().getmany(
                partition, timeout_ms=_SUSPECT_WAIT_MS, max_records=max_records
            )
        except UnicodeDecodeError:
            self._put_back(before)
            self._suspects.clear()
            return {partition: await self._read_past_the_bad(partition)}
        self._suspects.remove(partition)
        return records

    async def _read_past_the_bad(self, partition: TopicPartition) -> list[Any]:
        records: list[Any] = []
        while True:
            try:
                polled: Records = await super().getmany(
                    partition, timeout_ms=_SUSPECT_WAIT_MS, max_records=1
                )
            except UnicodeDecodeError as error:
                bad = await self.position(partition)
                log.error("cannot unpack %s at offset %d: %s", partition, bad, error)
                self.seek(partition, bad + 1)
                return [*records, _placeholder(partition, bad)]
            if not polled:
                return records  # away, paused or revoked: met again at the next poll
            records += polled[partition]

    def _positions(self) -> dict[TopicPartition, int]:
        # aiokafka's public position() waits, and may change what it tells.
        assigned = self._assigned()
        if assigned is None:
            return {}
        states = {
            partition: assigned.state_value(partition) for partition in assigned.tps
        }
        return {
            partition: state.position
            for partition, state in states.items()
            if state is not None and state.has_valid_position
        }

    def _put_back(self, positions: dict[TopicPartition, int]) -> None:
        assigned = self.assignment()
        for partition, position in positions.items():
            if partition in assigned:
                self.seek(partition, position)


# How long one suspect may take to be fetched anew; if it takes longer, the next poll of
# all partitions meets the bad record again, and so on until it is passed.
_SUSPECT_WAIT_MS = 1000


def _placeholder(partition: TopicPartition, offset: int) -> UnpackedNever:
    return UnpackedNever(
        topic=partition.topic,
        partition=partition.partition,
        offset=offset,
        timestamp=-1,
        timestamp_type=-1,
        key=None,
        value=None,
        checksum=None,
        serialized_key_size=-1,
        serialized_value_size=-1,
        headers=(),
    )


class TolerantBroker(KafkaBroker):
    """FastStream's Kafka broker over :class:`TolerantConsumer`."""

    async def _connect(self) -> Any:
        builder = cast("partial[Any]", await super()._connect())
        tolerant = partial(TolerantConsumer, *builder.args, **builder.keywords)
        self.config.broker_config.builder = tolerant
        return tolerant
