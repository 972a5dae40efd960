"""Results of attempts, written in batches, each before anything follows from it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from random import Random

from daybook.client.tracing import InTrace
from daybook.runtime.backoff import backoff
from daybook.runtime.mongo import is_unavailable
from pymongo.errors import PyMongoError

from webhook_dispatcher.claims import Claims, Done
from webhook_dispatcher.health import Health

log = logging.getLogger(__name__)

MOST_AT_ONCE = 500
GONE = "answered 410 Gone"
EXHAUSTED = "its retries were exhausted"

Told = Callable[[Done], None]
Disabled = Callable[[str, str], Awaitable[None]]


class Recorder:
    """Writes what came of attempts: health first, then the sendouts, then it is told.

    So a crash in between leaves a sendout to be tried again, never an endpoint that
    should be disabled and is not.
    """

    def __init__(
        self,
        claims: Claims,
        health: Health,
        random: Random,
        *,
        told: Told,
        disabled: Disabled,
    ) -> None:
        self._claims = claims
        self._health = health
        self._random = random
        self._told = told
        self._disabled = disabled
        self._queue: list[tuple[Done, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        # Endpoints that have delivered since anything was held against them.
        self._well: set[str] = set()

    async def record(self, done: Done) -> None:
        """Return once it is durable; waits while the database is away."""
        recorded = asyncio.get_running_loop().create_future()
        self._queue.append((done, recorded))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await recorded

    async def _write(self) -> None:
        while self._queue:
            batch = self._queue[:MOST_AT_ONCE]
            del self._queue[: len(batch)]
            done = [one for one, _ in batch]
            try:
                for one in done:
                    await self._patiently(lambda one=one: self._judge_health(one))
                await self._patiently(lambda done=done: self._store(done))
            except Exception as error:
                for _, recorded in batch:
                    if not recorded.done():
                        recorded.set_exception(error)
                continue
            for one, recorded in batch:
                self._told(one)
                if not recorded.done():
                    recorded.set_result(None)

    async def _judge_health(self, done: Done) -> None:
        key, outcome = done.endpoint_key, done.outcome
        if outcome.gone:
            await self._disable(done, GONE)
        elif outcome.exhausted:
            self._well.discard(key)
            if await self._health.exhausted(key, done.sendout["id"]):
                await self._disable(done, EXHAUSTED)
        elif outcome.status == "SENT" and key not in self._well:
            await self._health.delivered(key)
            self._well.add(key)

    async def _disable(self, done: Done, reason: str) -> None:
        key = done.endpoint_key
        if await self._health.disable(key, reason):
            log.warning("the endpoint %s is disabled: %s", key, reason)
            # Of the trace of the last drop, whoever's task this runs in.
            with InTrace(done.sendout.get("traceparent")):
                await self._disabled(key, reason)

    async def _store(self, done: Sequence[Done]) -> None:
        try:
            await self._claims.record(done)
        except PyMongoError as error:
            if is_unavailable(error):
                raise
            if len(done) > 1:
                middle = len(done) // 2
                await self._store(done[:middle])
                await self._store(done[middle:])
                return
            log.warning("the database refuses an attempt's excerpts: %s", error)
            await self._claims.record([_without_excerpts(done[0])])

    async def _patiently(self, work: Callable[[], Awaitable[None]]) -> None:
        for wait in backoff(self._random):
            try:
                return await work()
            except PyMongoError as error:
                if not is_unavailable(error):
                    raise
                log.warning("the database is away, waiting: %s", str(error)[:200])
                await asyncio.sleep(wait)
        raise AssertionError  # backoff() never ends

    async def finish(self) -> None:
        """Return once everything that was given is durable."""
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)


def _without_excerpts(done: Done) -> Done:
    bare = replace(
        done.attempt, request_headers=(), response_headers=None, response_body=None
    )
    return replace(done, attempt=bare)
