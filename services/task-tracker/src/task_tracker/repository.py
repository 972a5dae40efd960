"""The tracker's writes: folds merged into tasks, failed rows beside them."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from random import Random
from typing import Any, cast

from bson.errors import BSONError
from daybook.runtime.backoff import backoff
from daybook.runtime.metrics import TrackerMetrics
from daybook.runtime.mongo import Document, is_unavailable, is_unavailable_code
from daybook.storage.tasks import MOST_FAILED_ROWS, STALLING
from pymongo import UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError, PyMongoError, WriteConcernError

from task_tracker.failed_rows import upserts
from task_tracker.fold import TaskFold
from task_tracker.updates import update_of

log = logging.getLogger(__name__)

_IN_ORDER = [("place", 1), ("_id", 1)]
# Two trackers that insert the same task at once: one of them has to try again.
_DUPLICATE_KEY = 11000


class TaskRepository:
    """Writes tasks. Both collections answer once a majority has journaled a write."""

    def __init__(
        self,
        tasks: AsyncCollection[Document],
        failed_rows: AsyncCollection[Document],
        random: Random,
        metrics: TrackerMetrics,
    ) -> None:
        self._tasks = tasks
        self._failed_rows = failed_rows
        self._random = random
        self._metrics = metrics

    async def merge(self, folds: Sequence[TaskFold]) -> int:
        """Merge each fold into its task; safe to repeat, also at the same time.

        Returns once all are durable, with how many writes the database refused for
        good; waits while it is away.
        """
        rows = [fold for fold in folds if fold.rows]
        refused = await self._write(
            self._failed_rows,
            [write for fold in rows for write in upserts(fold.key, fold.rows)],
        )
        for fold in rows:
            await self._patiently(fold)
        return refused + await self._write(
            self._tasks, [update_of(fold) for fold in folds]
        )

    async def stall(self, topic: str, partition: int, reached: datetime) -> int:
        """Mark what has been silent for too long; how many there were.

        Of the tasks whose latest event stands in a partition that is read up to
        ``reached``, and by the database's own clock.
        """
        result = await self._tasks.update_many(
            {
                "stalls_at": {"$lt": reached},
                "$expr": {"$lt": ["$stalls_at", "$$NOW"]},
                "origin.topic": topic,
                "origin.partition": partition,
            },
            [{"$set": {"stalled": True}}, {"$unset": "stalls_at"}],
            hint=STALLING,
        )
        return result.modified_count

    async def _write(
        self, collection: AsyncCollection[Document], writes: Sequence[UpdateOne]
    ) -> int:
        refused = 0
        while writes:
            for wait in backoff(self._random):
                try:
                    writes, guilty = await self._try(collection, writes)
                    refused += guilty
                    break
                except PyMongoError as error:
                    if not is_unavailable(error):
                        raise
                    await self._wait(wait, error)
        return refused

    async def _try(
        self, collection: AsyncCollection[Document], writes: Sequence[UpdateOne]
    ) -> tuple[list[UpdateOne], int]:
        """What is left to write, and how many were refused for good."""
        try:
            await collection.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            return _settle(writes, error)
        except (BSONError, OverflowError, PyMongoError) as error:
            if isinstance(error, PyMongoError) and is_unavailable(error):
                raise
            if len(writes) == 1:
                log.error("the database refuses what is said of a task: %s", error)
                return [], 1
            middle = len(writes) // 2
            left, refused = await self._try(collection, writes[:middle])
            more_left, more_refused = await self._try(collection, writes[middle:])
            return left + more_left, refused + more_refused
        return [], 0

    async def _patiently(self, fold: TaskFold) -> None:
        """Keep of the fold's task only the failed rows that count."""
        for wait in backoff(self._random):
            try:
                await self._trim(fold.key, {run for run, _, _ in fold.rows})
            except PyMongoError as error:
                if not is_unavailable(error):
                    raise
                await self._wait(wait, error)
            else:
                return

    async def _trim(self, task: str, runs: set[int]) -> None:
        latest = max(runs)
        if latest > 1:
            earlier = {"task": task, "run": {"$lt": latest}}
            await self._failed_rows.delete_many(earlier)
        mine: Document = {"task": task, "run": latest}
        beyond = await self._failed_rows.find_one(
            mine, {"place": 1}, sort=_IN_ORDER, skip=MOST_FAILED_ROWS
        )
        if beyond is not None:
            place, identity = beyond["place"], beyond["_id"]
            tail = [
                {"place": {"$gt": place}},
                {"place": place, "_id": {"$gte": identity}},
            ]
            await self._failed_rows.delete_many({**mine, "$or": tail})

    async def _wait(self, seconds: float, error: PyMongoError) -> None:
        self._metrics.database_waits.inc()
        log.warning("the database is away, waiting: %s", str(error)[:300])
        await asyncio.sleep(seconds)


def _settle(
    writes: Sequence[UpdateOne], error: BulkWriteError
) -> tuple[list[UpdateOne], int]:
    details = cast("dict[str, Any]", error.details)
    refusals: list[dict[str, Any]] = details["writeErrors"]
    if details["writeConcernErrors"] or any(
        is_unavailable_code(refusal["code"]) for refusal in refusals
    ):
        raise WriteConcernError(str(details)[:300])
    again: list[UpdateOne] = []
    refused = 0
    for refusal in refusals:
        # Of an index that others made, it would be refused for ever.
        if refusal["code"] == _DUPLICATE_KEY and set(refusal["keyPattern"]) == {"_id"}:
            index: int = refusal["index"]
            again.append(writes[index])
        else:
            log.error("the database refuses what is said of a task: %s", refusal)
            refused += 1
    return again, refused
