"""When a sendout that failed is tried again."""

from collections.abc import Sequence
from random import Random
from typing import Final

from daybook.storage.webhook_endpoints import DEFAULT_RETRY_SCHEDULE_S

DEFAULT_GAPS_S: Final = DEFAULT_RETRY_SCHEDULE_S
# Sendouts that failed together do not come back together.
JITTER: Final = 0.2
# So many times its gap a receiver may ask to be left alone.
_LONGEST_WAIT: Final = 2.0


def wait_s(
    gaps_s: Sequence[float],
    attempts: int,
    random: Random,
    retry_after_s: float | None = None,
) -> float | None:
    """Seconds from the end of an attempt to the next; None once all were made.

    ``attempts`` counts those of this run of the schedule, the last one included. A gap
    is jittered by a fifth either way. What the receiver asked for by ``Retry-After`` is
    honoured from one to two times the gap.
    """
    if not 0 < attempts <= len(gaps_s):
        return None
    gap = float(gaps_s[attempts - 1])
    jittered = gap * random.uniform(1 - JITTER, 1 + JITTER)
    if retry_after_s is None:
        return jittered
    return clamp_retry_after(retry_after_s, gap, at_least_s=jittered)


def clamp_retry_after(
    retry_after_s: float, gap_s: float, *, at_least_s: float = 0.0
) -> float:
    """What is waited where the receiver asked for ``retry_after_s``: 1 to 2 gaps."""
    return min(max(retry_after_s, gap_s, at_least_s), gap_s * _LONGEST_WAIT)
