"""How much of its topics a group has not done yet, as Kafka itself counts it."""

# aiokafka's own types are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, cast

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from daybook.runtime.kafka import Brokers

log = logging.getLogger(__name__)

ASK_WITHIN_S = 10.0


class Ends(Protocol):
    """Where partitions end and begin, whoever they are assigned to."""

    async def end_offsets(self, partitions: list[TopicPartition]) -> Any: ...
    async def beginning_offsets(self, partitions: list[TopicPartition]) -> Any: ...


class Shown(Protocol):
    """Where lags are shown."""

    def lag_is_unknown(self, topic: str, partition: int) -> None: ...
    def lags(self, topic: str, partition: int, records: int) -> None: ...


class Lag:
    """Shows the lag of the whole group: the end of each partition less its commit.

    Every process shows that of all partitions, so that one which hangs, or is gone,
    takes no lag with it: take the maximum, not the sum. A partition without a commit
    lags by all that it holds, since our groups begin at the earliest record. While the
    brokers are away nothing is appended, and the last figures stay.
    """

    def __init__(
        self,
        brokers: Brokers | str,
        group_id: str,
        ends_of: Callable[[], Ends | None],
        shown: Shown,
    ) -> None:
        self._brokers = Brokers.of(brokers)
        self._group_id = group_id
        self._ends_of = ends_of
        self._shown = shown
        self._topics: list[str] = []
        self._admin: Any = None
        self._starting = asyncio.Lock()

    async def begin(self, topics: Iterable[str]) -> None:
        """Name the topics; raises aiokafka's ``KafkaError``."""
        self._topics = list(topics)
        for partition in await self._partitions():
            self._shown.lag_is_unknown(partition.topic, partition.partition)

    async def measure(self) -> None:
        """Ask, and show; a broker that is away is asked again at the next call."""
        ends = self._ends_of()
        if ends is None:
            return
        try:
            async with asyncio.timeout(ASK_WITHIN_S):
                await self._measure(ends)
        except (KafkaError, TimeoutError) as error:
            log.warning("cannot ask for the lag: %r", error)
            await self.close()

    async def caught_up(self, look_every_s: float = 1.0) -> None:
        """Return once the group has done all that its topics held at the call.

        It waits as long as that takes, also for brokers that are away.
        """
        goal: dict[TopicPartition, int] = {}
        while True:
            try:
                async with asyncio.timeout(ASK_WITHIN_S):
                    if await self._is_past(goal):
                        return
            except (KafkaError, TimeoutError) as error:
                log.warning("cannot ask how far the group is: %r", error)
                await self.close()
            await asyncio.sleep(look_every_s)

    async def _is_past(self, goal: dict[TopicPartition, int]) -> bool:
        """Whether the group is; an empty goal is set first, to the ends of all."""
        ends = self._ends_of()
        if ends is None:
            return False
        if not goal:
            goal.update(await ends.end_offsets(await self._partitions()))
        done = await self._done(ends, list(goal))
        return all(done[place] >= end for place, end in goal.items())

    async def _done(
        self, of: Ends, partitions: list[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """What is committed; what has expired counts as done."""
        admin = await self._started()
        stored = await admin.list_consumer_group_offsets(self._group_id)
        begins: Mapping[TopicPartition, int] = await of.beginning_offsets(partitions)
        return {
            place: max(begins[place], stored[place].offset if place in stored else 0)
            for place in partitions
        }

    async def _measure(self, of: Ends) -> None:
        partitions = await self._partitions()
        admin = await self._started()
        # The commits first: what is committed in between shows as a little more lag,
        # never as less than none.
        stored = await admin.list_consumer_group_offsets(self._group_id)
        ends: Mapping[TopicPartition, int] = await of.end_offsets(partitions)
        commits = {place: mark.offset for place, mark in stored.items()}
        new = [place for place in partitions if commits.get(place, -1) < 0]
        begins: Mapping[TopicPartition, int] = (
            await of.beginning_offsets(new) if new else {}
        )
        for place, end in ends.items():
            done = begins[place] if place in begins else commits[place]
            self._shown.lags(place.topic, place.partition, max(0, end - done))

    async def _partitions(self) -> list[TopicPartition]:
        admin = await self._started()
        described = cast(
            "list[dict[str, Any]]", await admin.describe_topics(self._topics)
        )
        return [
            TopicPartition(topic["topic"], one["partition"])
            for topic in described
            for one in topic["partitions"]
        ]

    async def _started(self) -> Any:
        async with self._starting:
            return await self._one_started()

    async def _one_started(self) -> Any:
        if self._admin is None:
            admin = AIOKafkaAdminClient(**self._brokers.options())
            try:
                await admin.start()
            except BaseException:
                await admin.close()
                raise
            self._admin = admin
        return self._admin

    async def close(self) -> None:
        """Let go of the connection."""
        admin, self._admin = self._admin, None
        if admin is not None:
            await admin.close()
