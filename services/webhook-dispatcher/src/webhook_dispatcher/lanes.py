"""One endpoint's way out: how many may go now, and when to look for more."""

from math import inf
from random import Random

from daybook.runtime.clock import Stopwatch

from webhook_dispatcher.circuit import Circuit
from webhook_dispatcher.endpoints import Endpoint
from webhook_dispatcher.rates import Rate


class Lane:
    """What this process knows of an endpoint that is its own."""

    def __init__(self, key: str, stopwatch: Stopwatch, random: Random) -> None:
        self.key = key
        self.is_new = True
        self._stopwatch = stopwatch
        self.circuit = Circuit(stopwatch, random)
        self.rate = Rate(stopwatch, None)
        self.in_flight = 0
        # Sendouts that the owner before may still be sending, and until when.
        self._others = 0
        self._others_until = 0.0
        self._is_full = False
        self.look_at = 0.0
        """When there may be work, by the stopwatch."""
        self.looking = False
        self.called = False
        """Whether it was told of work while it looked."""
        self.is_slow = False
        """Whether its latest attempt timed out."""

    def call(self) -> None:
        """There is, or may be, work now."""
        self.called = True
        self.look_at = 0.0

    def rest(self, until: float | None) -> None:
        """Nothing to do until then; None is until it is called."""
        if not self.called:
            self.look_at = inf if until is None else until

    def wait(self) -> None:
        """There was no room: look once its rate or circuit may let one by, or, where
        it is full, once something has ended."""
        seconds = max(self.rate.wait_s(), self.circuit.wait_s())
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
        bounds += [
            bound
            for bound in (self.rate.room(), self.circuit.room())
            if bound is not None
        ]
        return max(0, min(bounds))

    def began(self, count: int) -> None:
        """Note that so many attempts begin."""
        self.in_flight += count
        self.rate.spend(count)
        if count:
            self.circuit.began()

    def ended(self) -> None:
        """Note that an attempt has ended, and its result is written."""
        self.in_flight -= 1
        if self._is_full:
            self._is_full = False
            self.call()
