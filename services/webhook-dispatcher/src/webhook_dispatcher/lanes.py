"""One endpoint's way out: how many may go now, and when to look for more."""

from math import inf
from random import Random
from typing import Final

from daybook.runtime.clock import Stopwatch

from webhook_dispatcher.circuit import Circuit
from webhook_dispatcher.endpoints import Endpoint
from webhook_dispatcher.rates import Rate

# An endpoint that has not yet answered, or has just timed out, gets so many at once.
UNPROVEN: Final = 2
# Longer than most receivers take, and far shorter than a time-out.
SLOW_AFTER_S: Final = 1.0
# Who hangs is tried again within so long: those that timed out together must not go on
# doing so, since a hundred time-outs at once are felt by everybody.
SPREAD_S: Final = 4.0


class Lane:
    """What this process knows of an endpoint that is its own."""

    def __init__(self, key: str, stopwatch: Stopwatch, random: Random) -> None:
        self.key = key
        self.is_new = True
        self._stopwatch = stopwatch
        self.circuit = Circuit(stopwatch, random)
        self.rate = Rate(stopwatch, None)
        # Sendouts that the owner before may still be sending, and until when.
        self._others = 0
        self._others_until = 0.0
        self._is_full = False
        self.look_at = 0.0
        """When there may be work, by the stopwatch."""
        self.ask_at = 0.0
        """When to ask the database for what is due next."""
        self.has_later = False
        """Whether the database may hold what is due later."""
        self.looking = False
        self.called = False
        """Whether it was told of work while it looked."""
        self._answers = False
        self._timed_out = False
        self._rests_until = 0.0
        self._random = random
        self._begun: dict[str, float] = {}

    @property
    def in_flight(self) -> int:
        """How many attempts are under way, or not yet recorded."""
        return len(self._begun)

    def is_slow(self) -> bool:
        """Whether it has not shown that it answers, or lets something wait for long.

        Those that are slow share a part of what a process holds: whether an endpoint
        hangs is known only after its time-out.
        """
        return not self._answers or self.hangs()

    def hangs(self) -> bool:
        """Whether its latest attempt timed out, or one has been waiting for long."""
        if self._timed_out:
            return True
        oldest = next(iter(self._begun.values()), None)
        return oldest is not None and self._stopwatch() - oldest > SLOW_AFTER_S

    def may_have_work(self) -> bool:
        """Whether something may be due that only this process keeps waiting.

        Nothing is due to one that rests until it is called; what its rate, its circuit
        or its time-outs hold back waits for the receiver.
        """
        held_back = self.circuit.is_open or self.hangs() or self.rate.wait_s() > 0
        due = self._is_full or self.look_at <= self._stopwatch()
        return due and not held_back

    def call(self) -> None:
        """There is, or may be, work now."""
        self.called = True
        self.look_at = 0.0

    def retry(self, at: float) -> None:
        """Something of it is due again then."""
        self.has_later = True
        if self.looking:
            self.call()  # what it finds was asked for before this
        else:
            self.look_at = min(self.look_at, at)

    def rest(self, until: float | None) -> None:
        """Nothing to do until then; None is until it is called."""
        if not self.called:
            self.look_at = inf if until is None else until

    def wait(self) -> None:
        """There was no room: look once its rate or circuit may let one by, or, where
        it is full, once something has ended."""
        rest = max(0.0, self._rests_until - self._stopwatch())
        seconds = max(rest, self.rate.wait_s(), self.circuit.wait_s())
        if not seconds and self._others:
            seconds = max(0.0, self._others_until - self._stopwatch())
        self._is_full = not seconds
        self.rest(self._stopwatch() + seconds if seconds else None)

    def inherit(self, others: int, lease_s: float) -> None:
        """Count what the owner before may still be sending, for as long as it may."""
        self._others = others
        self._others_until = self._stopwatch() + lease_s

    def room(self, endpoint: Endpoint, shared: int) -> int:
        """How many attempts may begin now, of ``shared`` that all lanes have left."""
        self.rate.change(endpoint.rate_per_second)
        if self._others and self._stopwatch() >= self._others_until:
            self._others = 0
        bounds = [shared, endpoint.max_in_flight - self.in_flight - self._others]
        if self._stopwatch() < self._rests_until:
            return 0
        if not self._answers:
            bounds.append(UNPROVEN - self.in_flight)
        bounds += [
            bound
            for bound in (self.rate.room(), self.circuit.room())
            if bound is not None
        ]
        return max(0, min(bounds))

    def began(self, sendout_id: str) -> None:
        """Note that an attempt begins."""
        self._begun[sendout_id] = self._stopwatch()
        self.rate.spend(1)
        self.circuit.began()

    def answered(self, *, timed_out: bool, trouble: bool) -> None:
        """Note how an attempt ended."""
        self.circuit.ended(trouble=trouble)
        self._answers = not timed_out
        self._timed_out = timed_out
        rest = self._random.uniform(0.0, SPREAD_S) if timed_out else 0.0
        self._rests_until = self._stopwatch() + rest

    def ended(self, sendout_id: str) -> None:
        """Note that an attempt's result is written, or that it never began."""
        self._begun.pop(sendout_id, None)
        if self._is_full:
            self._is_full = False
            self.call()
