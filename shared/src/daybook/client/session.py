"""Sending over one producer, from its first connection to its first failure."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from daybook.client.backlog import UNROUTED, Backlog, Lane, Waiting
from daybook.client.beats import Beats
from daybook.client.counts import Counts
from daybook.client.settings import Settings
from daybook.client.wire import FAILURES, REFUSALS

log = logging.getLogger("daybook.client")

# A lane whose batch failed is tried again after a pause that doubles from the first
# of these to the second; the others are not held up by it.
LANE_PAUSE_S = (0.1, 5.0)


class Wire(Protocol):
    """What a session needs of a producer."""

    async def find(self, topic: str) -> None: ...
    def partitions(self, topic: str) -> list[int]: ...
    def partition_of(self, key: bytes, partitions: list[int]) -> int: ...
    async def send(
        self, topic: str, partition: int, events: list[Waiting]
    ) -> "asyncio.Future[object]": ...


class ProducerSpentError(Exception):
    """The broker refused a batch; its sequence numbers are used up, so start anew."""


class StalledError(Exception):
    """Nothing was acknowledged for so long that another connection is worth a try."""


@dataclass(slots=True)
class LaneState:
    """What outlives a session: how a lane fared."""

    max_events: int = 10_000  # halved while the broker refuses, to find the culprit
    pause_s: float = 0.0
    paused_until: float = 0.0


@dataclass(slots=True)
class _Flight:
    lane: Lane
    events: list[Waiting]
    sent_at: float
    acknowledged: "asyncio.Future[object]"


@dataclass
class Session:
    """Moves the backlog to the broker until told to stop, or until a batch fails."""

    wire: Wire
    backlog: Backlog
    counts: Counts
    beats: Beats
    settings: Settings
    lane_states: dict[Lane, LaneState]
    is_closing: Callable[[], bool]
    progressed: bool = False
    _flights: dict[Lane, _Flight] = field(default_factory=dict[Lane, _Flight])
    _lookups: "dict[str, asyncio.Task[None]]" = field(
        default_factory=dict[str, "asyncio.Task[None]"]
    )
    _awake: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Return when closing and all is acknowledged; raise what ended it otherwise.

        However it ends, what was not acknowledged is back in the backlog, in order.
        """
        loop = asyncio.get_running_loop()

        def alarm() -> None:
            loop.call_soon_threadsafe(self._awake.set)

        try:
            while True:
                self._awake.clear()
                self._land()
                if not self.is_closing():
                    self.beats.beat()
                seen = self.backlog.arrivals
                self._route()
                await self._launch()
                if self.is_closing() and not len(self.backlog):
                    return
                self.counts.report()
                # Nobody is asked to wake us between an arrival and the end of the
                # linger: a busy host pays for one wake-up a linger, not one an event.
                if self.backlog.call_on_arrival(alarm, seen):
                    await self._sleep(self._deadline())
                    self.backlog.silence()
                if not self.is_closing():
                    await asyncio.sleep(self.settings.linger.total_seconds())
        finally:
            self.backlog.silence()
            self._return_flights()

    def wake(self) -> None:
        """From the loop's own thread: look again, something changed."""
        self._awake.set()

    async def _sleep(self, seconds: float | None) -> None:
        handle = None
        if seconds is not None:
            loop = asyncio.get_running_loop()
            handle = loop.call_later(max(0.0, seconds), self._awake.set)
        try:
            await self._awake.wait()
        finally:
            if handle is not None:
                handle.cancel()

    def _deadline(self) -> float | None:
        """Seconds until something has to be looked at without a reason to wake."""
        now = self.settings.stopwatch()
        stall = self.settings.stall_timeout.total_seconds()
        moments = [flight.sent_at + stall - now for flight in self._flights.values()]
        for lane in self.backlog.lanes():
            state = self.lane_states.get(lane)
            if state is not None and lane not in self._flights:
                moments.append(state.paused_until - now)
        for due in (self.counts.due_in(), self.beats.due_in()):
            if due is not None:
                moments.append(due)
        return max(min(moments), 0.01) if moments else None

    def _route(self) -> None:
        for topic, partition in self.backlog.lanes():
            if partition != UNROUTED:
                continue
            known = self.wire.partitions(topic)
            if known:
                self.backlog.route(
                    topic,
                    lambda key, known=known: self.wire.partition_of(key, known),
                )
            elif topic not in self._lookups:
                self._lookups[topic] = task = asyncio.create_task(self._find(topic))
                task.add_done_callback(lambda _, topic=topic: self._found(topic))

    async def _find(self, topic: str) -> None:
        # A topic that does not exist yet holds up its own events only.
        while not self.wire.partitions(topic):
            try:
                await self.wire.find(topic)
            except FAILURES as error:
                log.debug("topic %s is not there: %r", topic, error)
                await asyncio.sleep(LANE_PAUSE_S[0])

    def _found(self, topic: str) -> None:
        self._lookups.pop(topic, None)
        self._awake.set()

    async def _launch(self) -> None:
        now = self.settings.stopwatch()
        for lane in self.backlog.lanes():
            state = self.lane_states.setdefault(lane, LaneState())
            if lane[1] == UNROUTED or lane in self._flights:
                continue
            if state.paused_until > now:
                continue
            events = self.backlog.take(
                lane,
                max_events=state.max_events,
                max_bytes=self.settings.max_batch_bytes,
            )
            if not events:  # dropped meanwhile, to make room
                continue
            try:
                sent = await self.wire.send(*lane, events)
            except BaseException:
                self.backlog.put_back(lane, events)
                raise
            self._flights[lane] = _Flight(lane, events, now, sent)
            sent.add_done_callback(lambda _: self._awake.set())

    def _land(self) -> None:
        """Account for the batches that were answered; raise for the first failed."""
        now = self.settings.stopwatch()
        failure: BaseException | None = None
        for lane, flight in list(self._flights.items()):
            if flight.acknowledged.done():
                failure = self._judge(flight) or failure
            elif now - flight.sent_at > self.settings.stall_timeout.total_seconds():
                failure = failure or StalledError(f"no answer for {lane}")
        if failure is not None:
            raise failure

    def _judge(self, flight: _Flight) -> BaseException | None:
        del self._flights[flight.lane]
        state = self.lane_states[flight.lane]
        if flight.acknowledged.cancelled():
            error: BaseException | None = StalledError("the producer gave up")
        else:
            error = flight.acknowledged.exception()
        if error is None:
            self.backlog.forget(flight.events)
            self.counts.delivered(len(flight.events))
            self.progressed = True
            state.pause_s = state.paused_until = 0.0
            state.max_events = min(state.max_events * 2, 10_000)
        elif isinstance(error, REFUSALS) and len(flight.events) == 1:
            # Refused on its own: it never will be taken, and holds nobody up.
            self.backlog.forget(flight.events)
            self.counts.dropped("refused", cause=error)
            self.progressed = True
            return ProducerSpentError()
        elif isinstance(error, REFUSALS):
            self.backlog.put_back(flight.lane, flight.events)
            state.max_events = max(1, len(flight.events) // 2)
            self.progressed = True
            return ProducerSpentError()
        else:
            self.backlog.put_back(flight.lane, flight.events)
            state.pause_s = min(
                max(state.pause_s * 2, LANE_PAUSE_S[0]), LANE_PAUSE_S[1]
            )
            state.paused_until = self.settings.stopwatch() + state.pause_s
        return error

    def _return_flights(self) -> None:
        for flight in self._flights.values():
            done = flight.acknowledged
            if done.done() and not done.cancelled() and done.exception() is None:
                self.backlog.forget(flight.events)
                self.counts.delivered(len(flight.events))
            else:
                self.backlog.put_back(flight.lane, flight.events)
        self._flights.clear()
