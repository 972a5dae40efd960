"""The Kafka consumer that Daybook's services read with, under FastStream's broker."""

# aiokafka's own types are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from functools import partial
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from faststream.kafka import KafkaBroker

from daybook.runtime.clock import Stopwatch, monotonic
from daybook.runtime.consuming import records
from daybook.runtime.kafka import Brokers


class TolerantConsumer(AIOKafkaConsumer):
    """aiokafka's consumer, which unpacks any record and says how its polling goes."""

    def __init__(
        self, *topics: str, stopwatch: Stopwatch = monotonic, **options: Any
    ) -> None:
        records.install()
        super().__init__(*topics, **options)
        self._stopwatch = stopwatch
        self.polled_at: float | None = None
        """When a poll last came back, by the stopwatch: what liveness is told by."""
        self._polled_under: object = None
        self.outstanding = False
        """Whether the records of the latest poll are still with the handler."""

    async def getmany(
        self,
        *partitions: TopicPartition,
        timeout_ms: int = 0,
        max_records: int | None = None,
    ) -> dict[TopicPartition, list[Any]]:
        self.outstanding = False  # a handler has ended before the next poll begins
        polled: dict[TopicPartition, list[Any]] = await super().getmany(
            *partitions, timeout_ms=timeout_ms, max_records=max_records
        )
        self.polled_at = self._stopwatch()
        self._polled_under = self._assigned()
        self.outstanding = bool(polled)
        return polled

    def has_handed_on(self, partition: TopicPartition, end: int) -> bool:
        """Whether every record of an assigned partition below ``end`` was handed on."""
        # The public position() waits, and may change what it tells.
        assigned = cast("Any", self._assigned())
        if self.outstanding or assigned is None or partition not in assigned.tps:
            return False
        state = assigned.state_value(partition)
        return state.has_valid_position and state.position >= end

    def polled_is_current(self) -> bool:
        """Whether the latest poll's records are of partitions still assigned.

        Records polled before a rebalance are read again by whoever has the partition
        now, from the commit on; storing them in between would break their order.
        """
        return self._polled_under is self._assigned()

    def _assigned(self) -> object:
        subscription = cast("Any", self._subscription).subscription
        return None if subscription is None else subscription.assignment


class TolerantBroker(KafkaBroker):
    """FastStream's Kafka broker over :class:`TolerantConsumer`."""

    def __init__(self, brokers: Brokers, **options: Any) -> None:
        super().__init__(brokers.servers, **options)
        # Its own way takes a class a mechanism and means the same arguments.
        self._connection_kwargs |= brokers.security()

    async def _connect(self) -> Any:
        builder = cast("partial[Any]", await super()._connect())
        tolerant = partial(TolerantConsumer, *builder.args, **builder.keywords)
        self.config.broker_config.builder = tolerant
        return tolerant
