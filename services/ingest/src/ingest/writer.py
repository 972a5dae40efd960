"""One bulk of judged records: stored, dead-lettered and counted."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from daybook.runtime.clock import Clock
from daybook.runtime.dead_letters import DeadLetter
from daybook.runtime.metrics import IngestMetrics

from ingest.judge import Accepted
from ingest.repository import Stored
from ingest.sources import UNKNOWN, SourceWatch

Outcome = Accepted | DeadLetter


class Store(Protocol):
    """Stores documents once each; returns when all are durable or refused."""

    async def insert(self, accepted: list[Accepted]) -> Stored: ...


class Letters(Protocol):
    """Sends dead letters; returns when all are acknowledged."""

    async def send(self, letters: list[DeadLetter]) -> None: ...


class Writer:
    """Writes bulks; ``stores`` by collection. Safe to repeat."""

    def __init__(
        self,
        stores: Mapping[str, Store],
        letters: Letters,
        metrics: IngestMetrics,
        clock: Clock,
    ) -> None:
        self._stores = stores
        self._letters = letters
        self._metrics = metrics
        self._clock = clock
        self._sources = SourceWatch(metrics)

    async def write(self, outcomes: list[Outcome]) -> None:
        """Return once every record is durable, or its letter acknowledged."""
        accepted: dict[str, list[Accepted]] = {}
        letters: list[DeadLetter] = []
        for outcome in outcomes:
            if isinstance(outcome, Accepted):
                accepted.setdefault(outcome.collection, []).append(outcome)
            else:
                letters.append(outcome)
        stored = Stored()
        for one in await asyncio.gather(
            *(self._stores[name].insert(mine) for name, mine in accepted.items())
        ):
            stored = stored.add(one)
        letters += stored.refused
        await self._letters.send(letters)
        self._count([one for mine in accepted.values() for one in mine], stored)
        for letter in letters:
            self._metrics.dead_letters.labels(letter.fault.kind).inc()
            self._sources.saw(letter.fault.source or UNKNOWN, bad=1)
        self._metrics.events.labels("dead_lettered").inc(len(letters))

    def _count(self, accepted: list[Accepted], stored: Stored) -> None:
        self._metrics.events.labels("stored").inc(stored.stored)
        self._metrics.events.labels("redelivered").inc(stored.redelivered)
        self._metrics.stored(
            self._clock(), ((one.record.timestamp, one.time) for one in accepted)
        )
        good: dict[str, int] = {}
        for one in accepted:
            good[one.source] = good.get(one.source, 0) + 1
        for source, count in good.items():
            self._sources.saw(source, good=count)
