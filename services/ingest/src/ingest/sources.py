"""Sources whose records are mostly bad: told by name, and stopping nobody."""

import logging
from collections import OrderedDict

from daybook.runtime.metrics import IngestMetrics

log = logging.getLogger(__name__)

# A verdict needs this many records, and then starts anew.
WINDOW = 100
# Bounds what a publisher that invents source names costs.
MOST_SOURCES = 1_000
UNKNOWN = "(unknown)"


class SourceWatch:
    """Counts good and bad records a source."""

    def __init__(self, metrics: IngestMetrics) -> None:
        self._metrics = metrics
        self._counts: OrderedDict[str, list[int]] = OrderedDict()
        self._bad: set[str] = set()

    def saw(self, source: str, *, good: int = 0, bad: int = 0) -> None:
        """Note records of a source; once a window is full, judge it."""
        counts = self._counts.setdefault(source, [0, 0])
        counts[0] += good
        counts[1] += bad
        if sum(counts) >= WINDOW:
            self._judge(source, *counts)
            del self._counts[source]
        elif len(self._counts) > MOST_SOURCES:
            self._counts.popitem(last=False)

    def _judge(self, source: str, good: int, bad: int) -> None:
        if bad > good and len(self._bad) < MOST_SOURCES:
            log.error(
                "source %r: %d of its latest %d records cannot be stored; "
                "see: daybook dead-letters list",
                source,
                bad,
                good + bad,
            )
            self._bad.add(source)
        else:
            self._bad.discard(source)
        self._metrics.bad_sources.set(len(self._bad))
