"""How many deliveries a second an endpoint takes."""

from daybook.runtime.clock import Stopwatch


class Rate:
    """A bucket of a second's worth: never more than its rate in any second, twice at
    most around a pause."""

    def __init__(self, stopwatch: Stopwatch, per_second: float | None) -> None:
        self._stopwatch = stopwatch
        self._per_second = per_second
        self._left = self._most
        self._at = stopwatch()

    @property
    def _most(self) -> float:
        return max(1.0, self._per_second or 0.0)

    def change(self, per_second: float | None) -> None:
        """Go on at another rate."""
        if per_second != self._per_second:
            self._fill()
            self._per_second = per_second
            self._left = min(self._left, self._most)

    def room(self) -> int | None:
        """How many may begin now; None is any number."""
        if self._per_second is None:
            return None
        self._fill()
        return int(self._left)

    def wait_s(self) -> float:
        """Seconds until the next may begin."""
        if self._per_second is None:
            return 0.0
        self._fill()
        return max(0.0, (1.0 - self._left) / self._per_second)

    def spend(self, count: int) -> None:
        """Note that so many have begun."""
        if self._per_second is not None:
            self._left -= count

    def _fill(self) -> None:
        now = self._stopwatch()
        if self._per_second is not None:
            gained = (now - self._at) * self._per_second
            self._left = min(self._left + gained, self._most)
        self._at = now
