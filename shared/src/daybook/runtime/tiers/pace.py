"""How fast moves of tier go: bounded, but ahead of what is about to expire."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from daybook.runtime.clock import Stopwatch
from daybook.storage.times import FURTHEST_AHEAD_MS, to_ms

# A document that needs no stamp costs its part of a read alone.
READS_PER_STAMP: Final = 10
# What expires by then, by a tier that is left, is not held back.
IN_TIME: Final = timedelta(hours=1)


class Pace:
    """Holds a process back: all its moves together stamp so many a second."""

    def __init__(self, per_second: int, stopwatch: Stopwatch) -> None:
        self._per_second = per_second
        self._stopwatch = stopwatch
        self._free_at = 0.0

    async def hold_back(self, stamped: int, read: int) -> None:
        """Return when that much may be followed by more."""
        cost = (stamped + read / READS_PER_STAMP) / self._per_second
        now = self._stopwatch()
        self._free_at = max(now, self._free_at) + cost
        await asyncio.sleep(self._free_at - now)


class Frontier:
    """The age at which documents expire by a tier that their project leaves.

    A move is not held back while it is behind that, whether what it sees there needs a
    stamp or not: what comes next may expire while it waits.
    """

    def __init__(
        self, tiers: Mapping[str, timedelta], former: str | None, tier: str
    ) -> None:
        """``former`` is the tier that the project had; with none, or the same, it is
        all others that may be left."""
        self._tiers = tiers
        is_left = former in tiers and former != tier
        self._left = {former} if is_left else set(tiers) - {tier}

    def saw(self, tiers: Iterable[str]) -> None:
        """These tiers are left, too."""
        self._left.update(tiers)

    def is_near(self, oldest_ms: int, now: datetime) -> bool:
        """Whether what is as old as that expires soon, or has."""
        if self._left - self._tiers.keys():
            return True  # nobody knows how long a tier kept that is not configured
        kept = min((self._tiers[tier] for tier in self._left if tier), default=None)
        if kept is None:
            return False
        latest_ms = to_ms(now + IN_TIME - kept) + FURTHEST_AHEAD_MS
        return oldest_ms < latest_ms
