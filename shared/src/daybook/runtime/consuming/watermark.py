"""Up to which offset everything of a partition is done."""

from collections import deque
from dataclasses import dataclass


@dataclass(slots=True)
class Span:
    """A run of one partition's records that are stored together."""

    last_offset: int
    received_ms: int
    """When the broker appended the last record."""
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
        self._received_ms: int | None = None

    def begin(self, last_offset: int, received_ms: int) -> Span:
        """Note that records up to ``last_offset`` are being stored."""
        span = Span(last_offset, received_ms)
        self._spans.append(span)
        return span

    def uncommitted(self) -> int | None:
        """The next offset to read, if it may be committed and was not yet."""
        self._advance()
        return None if self._reached == self._committed else self._reached

    def received_ms(self) -> int | None:
        """When the broker appended the last record of those that are done.

        What it appended before that time is done; of that millisecond, perhaps not all.
        """
        self._advance()
        return self._received_ms

    def is_idle(self) -> bool:
        """Whether all that was begun is done."""
        self._advance()
        return not self._spans

    def _advance(self) -> None:
        while self._spans and self._spans[0].done:
            span = self._spans.popleft()
            self._reached = span.last_offset + 1
            self._received_ms = span.received_ms

    def committed(self, offset: int) -> None:
        """Note that ``offset`` is committed."""
        self._committed = offset
