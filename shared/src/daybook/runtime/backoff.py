"""Waiting between tries, longer each time, never in step with others."""

from collections.abc import Iterator
from random import Random


def backoff(
    random: Random, *, first_s: float = 0.1, longest_s: float = 5.0
) -> Iterator[float]:
    """Seconds to wait, doubling up to ``longest_s``; each is half to all of its gap."""
    gap = first_s
    while True:
        yield gap * random.uniform(0.5, 1.0)
        gap = min(gap * 2, longest_s)
