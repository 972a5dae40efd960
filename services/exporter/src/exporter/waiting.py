"""Waiting until all that was received before an export's creation is stored."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta

from daybook.runtime.clock import Stopwatch
from daybook.runtime.mongo import Document
from daybook.storage.times import EPOCH
from pymongo.asynchronous.collection import AsyncCollection

ASK_EVERY_S = 0.25

# The partitions of the requests topic, as the brokers know them; empty: not known now.
Partitions = Callable[[], Awaitable[Collection[int]]]


class Watermarks:
    """Ingest's watermarks of one topic, as an export waits for them.

    A partition without one yet holds an export up like one that is behind: ingest may
    not have read it, or anything at all.
    """

    def __init__(
        self,
        watermarks: AsyncCollection[Document],
        topic: str,
        partitions: Partitions,
        stopwatch: Stopwatch,
        *,
        longest: timedelta,
        ask_every_s: float = ASK_EVERY_S,
    ) -> None:
        self._watermarks = watermarks
        self._topic = topic
        self._partitions = partitions
        self._stopwatch = stopwatch
        self._longest_s = longest.total_seconds()
        self._ask_every_s = ask_every_s
        # Partitions are added, never taken away: with the brokers gone they stay known.
        self._known: set[int] = set()

    async def passed(self, moment: datetime) -> datetime | None:
        """Wait until all received before ``moment`` is stored; then None.

        After the longest wait: up to when all is, as far as anybody knows; 1970 where a
        partition was never heard of. Raises ``PyMongoError``.
        """
        deadline = self._stopwatch() + self._longest_s
        while True:
            reached = await self._reached()
            if reached >= moment:
                return None
            left = deadline - self._stopwatch()
            if left <= 0:
                return reached
            await asyncio.sleep(min(left, self._ask_every_s))

    async def _reached(self) -> datetime:
        known = self._watermarks.find({"topic": self._topic})
        marks = {one["partition"]: one["received_at"] async for one in known}
        self._known.update(await self._partitions(), marks)
        return min((marks.get(one, EPOCH) for one in self._known), default=EPOCH)
