"""How an endpoint has done in the last 24 hours, by what fits into a list's time."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final

from daybook.runtime.clock import Clock, Stopwatch
from daybook.runtime.mongo import Document
from daybook.storage.collections import SENDOUTS
from daybook.storage.refs import ref
from daybook.storage.sendouts import SENDOUTS_BY_REF
from daybook.storage.times import MS_PER_HOUR, from_ms, hour_of, to_ms
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ExecutionTimeout

from query.reads import SILENCE_SECONDS, whole_ms

HOURS: Final = 24
# Caps the documents that are read for rates and durations; the newest.
MOST_SAMPLED: Final = 5_000
# The same for each endpoint of a list, of which some are read at a time.
MOST_GLANCED: Final = 200
_AT_ONCE: Final = 5
_NEWEST_FIRST: Final = {"hour": -1, "created_at": -1, "_id": -1}
_SAMPLED: Final = {
    "_id": 0,
    "status": 1,
    "created_at": 1,
    "history.duration_ms": 1,
    "history.error.kind": 1,
}


@dataclass(frozen=True, slots=True)
class Stats:
    """``hours``: sendouts made in each, oldest first; None where time ran out.

    ``undelivered``: of those, what FAILED or is RETRYING; None where not all are known.
    The rest is of the ``sampled`` newest sendouts, from ``sampled_since`` on, and of
    their ``attempts``; ``complete``: those are all of the time asked for.
    """

    since: datetime
    until: datetime
    hours: Sequence[tuple[datetime, int | None]]
    undelivered: Sequence[int | None]
    statuses: Mapping[str, int]
    success_rate: float | None
    p95_duration_ms: float | None
    attempts: int
    sampled: int
    sampled_since: datetime | None
    complete: bool


class EndpointStats:
    """Reads ``sendouts`` by the index of references, and writes nothing."""

    def __init__(
        self,
        database: AsyncDatabase[Document],
        clock: Clock,
        stopwatch: Stopwatch,
        budget: timedelta,
        most_sampled: int = MOST_SAMPLED,
    ) -> None:
        self._sendouts = database[SENDOUTS]
        self._clock = clock
        self._stopwatch = stopwatch
        self._seconds = budget.total_seconds()
        self._most = most_sampled

    async def of(self, project_id: str, endpoint_id: str) -> Stats:
        """The endpoint's 24 hours up to now; TimeoutError when nothing answers."""
        until = self._clock()
        last = hour_of(to_ms(until))
        bounds: Document = {
            "project_id": project_id,
            "refs": ref("webhook_endpoint", endpoint_id),
        }
        async with asyncio.timeout(self._seconds + SILENCE_SECONDS):
            # The newest are worth more than the sums: they come first.
            start = self._stopwatch()
            rows, complete = await self._sample(
                bounds, last, self._seconds / 2, self._most
            )
            left = self._seconds - (self._stopwatch() - start)
            counts = await self._counts(bounds, last, left)
        durations = sorted(
            attempt["duration_ms"] for row in rows for attempt in row["history"]
        )
        attempts = len(durations)
        return Stats(
            since=_start(last - HOURS + 1),
            until=until,
            hours=[
                (_start(hour), counts.get(hour))
                for hour in range(last - HOURS + 1, last + 1)
            ],
            undelivered=_undelivered(rows, last, complete=complete),
            statuses=Counter(row["status"] for row in rows),
            success_rate=_success_rate(rows),
            p95_duration_ms=durations[ceil(0.95 * attempts) - 1] if attempts else None,
            attempts=attempts,
            sampled=len(rows),
            sampled_since=rows[-1]["created_at"] if rows else None,
            complete=complete,
        )

    async def success_rates(
        self, project_id: str, endpoint_ids: Iterable[str]
    ) -> dict[str, float]:
        """Of the newest attempts of each, as far as the list's time goes.

        Who had none, or whose turn did not come, is left out.
        """
        last = hour_of(to_ms(self._clock()))
        turns, rates = asyncio.Semaphore(_AT_ONCE), dict[str, float]()
        end = self._stopwatch() + self._seconds

        async def read(endpoint_id: str) -> None:
            async with turns:
                left = end - self._stopwatch()
                if left <= 0:
                    return
                bounds: Document = {
                    "project_id": project_id,
                    "refs": ref("webhook_endpoint", endpoint_id),
                }
                rows, _ = await self._sample(bounds, last, left, MOST_GLANCED)
                if (rate := _success_rate(rows)) is not None:
                    rates[endpoint_id] = rate

        async with asyncio.timeout(self._seconds + SILENCE_SECONDS):
            await asyncio.gather(*map(read, endpoint_ids))
        return rates

    async def _sample(
        self, bounds: Document, last: int, seconds: float, most: int
    ) -> tuple[list[dict[str, Any]], bool]:
        """The newest documents, as many as come in time; whether those are all."""
        rows: list[dict[str, Any]] = []
        found = self._sendouts.find(
            {**bounds, "hour": {"$gt": last - HOURS, "$lte": last}},
            _SAMPLED,
            sort=_NEWEST_FIRST,
            hint=SENDOUTS_BY_REF,
            limit=most + 1,
            batch_size=250,
            max_time_ms=whole_ms(seconds),
        )
        start = self._stopwatch()
        try:
            async for row in found:
                rows.append(row)
                if self._stopwatch() - start > seconds:
                    return rows[:most], False
        except ExecutionTimeout:
            return rows[:most], False
        finally:
            await found.close()
        return rows[:most], len(rows) <= most

    async def _counts(
        self, bounds: Document, last: int, seconds: float
    ) -> dict[int, int]:
        """Sendouts by hour, from the newest as far as time goes; by keys alone."""
        counts: dict[int, int] = {}
        end = self._stopwatch() + seconds
        for hour in range(last, last - HOURS, -1):
            left = end - self._stopwatch()
            if left <= 0:
                break
            try:
                counts[hour] = await self._sendouts.count_documents(
                    {**bounds, "hour": hour},
                    hint=SENDOUTS_BY_REF,
                    maxTimeMS=whole_ms(left),
                )
            except ExecutionTimeout:
                break
        return counts


def _success_rate(rows: Sequence[dict[str, Any]]) -> float | None:
    failures = ["error" in attempt for row in rows for attempt in row["history"]]
    return 1 - sum(failures) / len(failures) if failures else None


def _undelivered(
    rows: Sequence[dict[str, Any]], last: int, *, complete: bool
) -> list[int | None]:
    oldest = last - HOURS + 1
    if not complete:
        # The oldest hour that was come to may hold more than was read.
        oldest = hour_of(to_ms(rows[-1]["created_at"])) + 1 if rows else last + 1
    counts = Counter(
        hour_of(to_ms(row["created_at"]))
        for row in rows
        if row["status"] in ("FAILED", "RETRYING")
    )
    return [
        counts[hour] if hour >= oldest else None
        for hour in range(last - HOURS + 1, last + 1)
    ]


def _start(hour: int) -> datetime:
    return from_ms(hour * MS_PER_HOUR)
