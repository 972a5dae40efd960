"""The loop that delivers: looks where work may be, takes what fits, sends, records.

Work waits in the database, each endpoint's in a place of its own; in memory is only
what is being sent. No endpoint holds more than its own bound, all together no more than
the process's, and those that time out no more than half of that: so an endpoint that
hangs delays nobody else.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from daybook.runtime.clock import Stopwatch
from daybook.runtime.mongo import Document, is_unavailable
from daybook.storage.webhook_endpoints import slot_of
from pymongo.errors import PyMongoError

from webhook_dispatcher.answers import ErrorKind
from webhook_dispatcher.attempts import Attempts
from webhook_dispatcher.circuit import is_trouble
from webhook_dispatcher.claims import Claims, Done
from webhook_dispatcher.endpoints import Endpoint, Endpoints
from webhook_dispatcher.health import Health
from webhook_dispatcher.lanes import Lane
from webhook_dispatcher.outcomes import outcome_of
from webhook_dispatcher.recorder import Recorder
from webhook_dispatcher.slots import Slots

log = logging.getLogger(__name__)

# Looks are short reads; so many at once keep the database busy and no more.
LOOKS_AT_ONCE = 16
# Those that time out do so together, and must not then look together.
SLOW_LOOKS_AT_ONCE = 2
AGAIN_AFTER_TROUBLE_S = 1.0
# What is due later is known from its own attempts; others may have put it off.
ASK_EVERY_S = 30.0
LONGEST_NAP_S = 1.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What the loop works with."""

    endpoints: Endpoints
    health: Health
    claims: Claims
    slots: Slots
    attempts: Attempts
    recorder: Recorder
    stopwatch: Stopwatch
    random: Random


class Deliveries:
    """Delivers what is due to the endpoints of this process's slots."""

    def __init__(self, parts: Parts, most_in_flight: int, lease: timedelta) -> None:
        self._parts = parts
        self._most = most_in_flight
        self._lease_s = lease.total_seconds()
        self._lanes: dict[str, Lane] = {}
        self._in_flight: dict[str, Document] = {}
        self._reserved: dict[str, tuple[Lane, Endpoint]] = {}
        self._slow_in_flight = 0
        self._off: set[str] = set()
        self._called = asyncio.Event()
        self._looks = asyncio.Semaphore(LOOKS_AT_ONCE)
        self._slow_looks = asyncio.Semaphore(SLOW_LOOKS_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self.failed = False
        """Whether something unforeseen happened: only a restart helps."""

    @property
    def in_flight(self) -> list[Document]:
        """The sendouts that are being sent, or whose results are not yet written."""
        return list(self._in_flight.values())

    def wake(self, keys: Iterable[str]) -> None:
        """There may be work for these endpoints; those of others are passed over."""
        for key in keys:
            lane = self._lane(key)
            if lane is not None:
                lane.call()
        self._called.set()

    def slots_changed(self) -> None:
        """Look at every endpoint that is new to this process; let go of the others."""
        mine = self._parts.slots.mine
        for key in [key for key in self._lanes if slot_of(key) not in mine]:
            del self._lanes[key]
        for endpoint in self._parts.endpoints:
            self._lane(endpoint.key)
        self._called.set()

    def ways(self) -> Iterator[tuple[Lane, Endpoint]]:
        """The endpoints of this process, each with its lane."""
        for key, lane in self._lanes.items():
            if endpoint := self._parts.endpoints.get(key):
                yield lane, endpoint

    def _lane(self, key: str) -> Lane | None:
        if slot_of(key) not in self._parts.slots.mine:
            return None
        lane = self._lanes.get(key)
        if lane is None:
            parts = self._parts
            lane = self._lanes[key] = Lane(key, parts.stopwatch, parts.random)
        return lane

    async def run(self) -> None:
        """Deliver until cancelled."""
        while not self._stopping:
            self._called.clear()
            now = self._parts.stopwatch()
            nearest = now + LONGEST_NAP_S
            self._slow_in_flight = sum(
                lane.in_flight for lane in self._lanes.values() if lane.is_slow()
            )
            for lane in list(self._lanes.values()):
                if lane.looking or self._left(lane) <= 0:
                    continue  # it is looked at again once something has ended
                if lane.look_at <= now:
                    self._spawn(self._look(lane))
                else:
                    nearest = min(nearest, lane.look_at)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, nearest - now)):
                    await self._called.wait()

    def _left(self, lane: Lane) -> int:
        """How many more attempts all lanes like this one may hold."""
        left = self._most - len(self._in_flight) - len(self._reserved)
        slow = lane.is_slow()
        return min(left, self._most // 2 - self._slow_in_flight) if slow else left

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._called.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("delivery failed in an unforeseen way", exc_info=error)
            self.failed = True

    async def _look(self, lane: Lane) -> None:
        """Take what is due and fits, and say when to look again."""
        lane.looking, lane.called = True, False
        try:
            async with self._slow_looks if lane.hangs() else self._looks:
                await self._take(lane)
        except PyMongoError as error:
            if not is_unavailable(error):
                raise
            log.warning("cannot look for work: %s", str(error)[:200])
            lane.look_at = self._parts.stopwatch() + AGAIN_AFTER_TROUBLE_S
        finally:
            lane.looking = False

    async def _take(self, lane: Lane) -> None:
        parts = self._parts
        endpoint = parts.endpoints.get(lane.key)
        if endpoint is None or self._stopping:
            self._lanes.pop(lane.key, None)  # deleted: its command sees to the rest
            return
        if lane.is_new:
            await self.refresh_health([lane.key])
        off = not endpoint.active or lane.key in self._off
        while off and await parts.claims.settle(endpoint, "HELD", None):
            pass
        if (shared := self._left(lane)) <= 0:
            lane.call()  # looked at again once something of others has ended
            return
        if lane.is_new:
            others = await parts.claims.held_by_others(endpoint, endpoint.max_in_flight)
            lane.inherit(others, self._lease_s)
        room = lane.room(endpoint, shared)
        if room == 0:
            lane.wait()
            return
        taken = await parts.claims.take(endpoint, room, tests_alone=off)
        for sendout in taken:
            self._slow_in_flight += lane.is_slow()
            lane.began(sendout["_id"])
            self.begin(lane, endpoint, sendout)
        if len(taken) == room:
            lane.call()  # there may be more
        elif lane.has_later or parts.stopwatch() >= lane.ask_at:
            due = await parts.claims.next_due_s(endpoint)
            lane.has_later = due is not None
            lane.ask_at = parts.stopwatch() + ASK_EVERY_S
            lane.rest(None if due is None else parts.stopwatch() + due)
        else:
            lane.rest(None)
        lane.is_new = False

    def begin(self, lane: Lane, endpoint: Endpoint, sendout: Document) -> None:
        """Send what was claimed."""
        self._in_flight[sendout["_id"]] = sendout
        self._spawn(self._deliver(lane, endpoint, sendout))

    def reserve(self, endpoint: Endpoint, sendout_key: str) -> bool:
        """Whether a sendout that is about to be stored may go straight on its way.

        Only to an endpoint of this process that is well known to it, has nothing older
        due, and has room. :meth:`go` or :meth:`give_back` has to follow.
        """
        lane = self._lane(endpoint.key)
        if lane is None or lane.is_new or self._stopping or endpoint.key in self._off:
            return False
        older = lane.looking or lane.look_at <= self._parts.stopwatch()
        if older or lane.circuit.is_open or lane.room(endpoint, self._left(lane)) <= 0:
            return False
        lane.began(sendout_key)
        self._reserved[sendout_key] = (lane, endpoint)
        return True

    def go(self, sendout: Document) -> None:
        """It is stored under this process's claim: send it."""
        lane, endpoint = self._reserved.pop(sendout["_id"])
        self.begin(lane, endpoint, sendout)

    def give_back(self, sendout_key: str) -> None:
        """It was there already, or is not to be."""
        lane, _ = self._reserved.pop(sendout_key)
        lane.ended(sendout_key)

    async def refresh_health(self, keys: Iterable[str] | None = None) -> None:
        """Learn which endpoints are disabled: of these, or of all that are ours."""
        asked = list(self._lanes) if keys is None else list(keys)
        disabled = await self._parts.health.disabled(asked)
        for key in disabled - self._off:
            self.wake([key])  # what waits is held
        self._off = (self._off - set(asked)) | disabled

    async def _deliver(self, lane: Lane, endpoint: Endpoint, sendout: Document) -> None:
        parts = self._parts
        try:
            attempt = await parts.attempts.make(endpoint, sendout)
            kind = attempt.error.kind if attempt.error else None
            lane.answered(
                timed_out=kind is ErrorKind.TIMEOUT, trouble=is_trouble(attempt)
            )
            outcome = outcome_of(
                attempt,
                tries=sendout["tries"] + 1,
                # A test is sent once.
                gaps_s=() if sendout["trigger"] == "test" else endpoint.gaps_s,
                random=parts.random,
            )
            await parts.recorder.record(Done(sendout, attempt, outcome, endpoint.url))
            if outcome.wait_s is not None:
                lane.retry(parts.stopwatch() + outcome.wait_s)
            if outcome.gone or outcome.exhausted:
                await self.refresh_health([lane.key])
        finally:
            self._in_flight.pop(sendout["_id"], None)
            lane.ended(sendout["_id"])

    async def stop(self, within: float) -> None:
        """Begin nothing more; wait for what is being sent, then for its results."""
        self._stopping = True
        self._called.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._tasks:  # who looked for work still begins what it took
                    await asyncio.wait(self._tasks)
        await self._parts.recorder.finish()
