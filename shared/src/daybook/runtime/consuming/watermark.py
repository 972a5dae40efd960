"""Up to which offset everything of a partition is done."""

from collections import deque
from dataclasses import dataclass


@dataclass(slots=True)
class Span:
    """A run of one partition's records that are stored together."""

    last_offset: int
    done: bool = False


class Watermark:
    """The contiguous watermark of one partition, for as long as it is assigned.

    Spans begin in the partition's order and finish in any; what may be committed ends
    before the first one that is unfinished.
    """

    def __init__(self) -> None:
        self._spans: deque[Span] = deque()
        self._reached: int | None = None
        self._committed: int | None = None

    def begin(self, last_offset: int) -> Span:
        """Note that records up to ``last_offset`` are being stored."""
        span = Span(last_offset)
        self._spans.append(span)
        return span

    def uncommitted(self) -> int | None:
        """The next offset to read, if it may be committed and was not yet."""
        while self._spans and self._spans[0].done:
            self._reached = self._spans.popleft().last_offset + 1
        return None if self._reached == self._committed else self._reached

    def committed(self, offset: int) -> None:
        """Note that ``offset`` is committed."""
        self._committed = offset
