"""What follows from an attempt: sent, tried again, or given up; no I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from daybook.storage.sendouts import SendoutStatus

from webhook_dispatcher.schedule import wait_s
from webhook_dispatcher.sender import Attempt


@dataclass(frozen=True, slots=True)
class Outcome:
    """A sendout's state after an attempt.

    ``wait_s``: seconds until the next attempt, where there is one. ``words``: why it
    failed, for people. ``exhausted``: the schedule has come to its end. ``gone``: the
    endpoint wants nothing any more.
    """

    status: SendoutStatus
    wait_s: float | None = None
    words: str | None = None
    exhausted: bool = False
    gone: bool = False


def outcome_of(
    attempt: Attempt, *, tries: int, gaps_s: Sequence[float], random: Random
) -> Outcome:
    """``tries`` counts the attempts of this run of the schedule, this one included."""
    if attempt.error is None:
        return Outcome("SENT")
    words = attempt.error.message
    if attempt.gone:
        return Outcome("FAILED", words=words, gone=True)
    if attempt.final:
        return Outcome("FAILED", words=words)
    wait = wait_s(gaps_s, tries, random, attempt.retry_after_s)
    if wait is not None:
        return Outcome("RETRYING", wait_s=wait, words=words)
    many = "attempt" if tries == 1 else "attempts"
    return Outcome("FAILED", words=f"{words}, after {tries} {many}", exhausted=True)
