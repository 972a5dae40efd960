"""How a list is read: which index answers it, and the bounds that it is read within.

Every plan walks one index newest first in the order of the answer, so nothing is
sorted in memory; what the index does not hold is checked on the documents it names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daybook.storage.refs import RefKind, ref
from daybook.storage.times import from_ms, hour_of

from query.filters import Filters

NEWEST_FIRST = {"created_at": -1, "_id": -1}
# ``hour`` follows from ``created_at``, so this is the same order. Named first, it lets
# a walk over many hours keep the index's order instead of sorting in memory.
_NEWEST_FIRST_BY_HOUR = {"hour": -1, **NEWEST_FIRST}

Conditions = dict[str, Any]
# Filters by reference, the rarest first: the first that is asked for is walked, the
# others are checked. A value of one filter may be of several kinds.
References = Mapping[str, tuple[RefKind, ...]]


@dataclass(frozen=True, slots=True)
class Tie:
    """What shares one millisecond, below an id."""

    ms: int
    below_id: str
    from_id: str | None = None

    def created_at(self) -> Conditions:
        ids: Conditions = {"$lt": self.below_id}
        if self.from_id is not None:
            ids["$gte"] = self.from_id
        return {"created_at": from_ms(self.ms), "_id": ids}

    def hours(self) -> int | Conditions:
        return hour_of(self.ms)


@dataclass(frozen=True, slots=True)
class Span:
    """From ``low`` (inclusive) to ``high`` (exclusive), in milliseconds."""

    low: int
    high: int

    def created_at(self) -> Conditions:
        return {"created_at": {"$gte": from_ms(self.low), "$lt": from_ms(self.high)}}

    def hours(self) -> int | Conditions:
        return {"$gte": hour_of(self.low), "$lte": hour_of(self.high - 1)}


Stretch = Tie | Span


@dataclass(frozen=True, slots=True)
class Plan:
    """How one list is read.

    ``refs``: each is walked, and the walks are merged in order. ``conditions`` are met
    inside the index where it holds the field, else on the document. ``exact``: every
    key that is read is an answer, so a page reads no more of them than it shows.
    ``within``: of each walk what its keys begin with, or what all of the index meet.
    """

    index: str
    refs: tuple[str, ...]
    conditions: Conditions
    exact: bool
    within: tuple[Conditions, ...] = ({},)

    @property
    def order(self) -> dict[str, int]:
        return _NEWEST_FIRST_BY_HOUR if self.refs else NEWEST_FIRST

    @property
    def in_one(self) -> bool:
        """Whether one read of any width costs what it finds, and no more."""
        return self.exact and not self.refs

    def query(self, project_id: str, stretch: Stretch) -> Conditions:
        """The conditions for one stretch of the index."""
        walks = self.within
        if self.refs:
            hours = stretch.hours()
            walks = tuple({"hour": hours, "refs": one} for one in self.refs)
        return merged(project_id, stretch, walks) | self.conditions


def merged(
    project_id: str, stretch: Stretch, walks: Sequence[Conditions]
) -> Conditions:
    """Walks of one index, merged in order.

    Each is a branch of its own: of several values in one condition MongoDB may sort.
    """
    bounds: Conditions = {"project_id": project_id, **stretch.created_at()}
    if len(walks) == 1:
        return bounds | walks[0]
    return {"$or": [bounds | walk for walk in walks]}


def refs_of(filters: Filters, name: str, references: References) -> tuple[str, ...]:
    """The references that one filter asks for."""
    return tuple(
        ref(kind, value) for value in filters.of(name) for kind in references[name]
    )


def has_each(wanted: Sequence[Sequence[str]]) -> Conditions:
    """A document's ``refs`` have one of each of these.

    As an expression, since a plain condition on ``refs`` could be taken for the index's
    bounds in place of the reference that is to be walked.
    """
    if not wanted:
        return {}
    return {
        "$expr": {
            "$and": [
                {"$gt": [{"$size": {"$setIntersection": ["$refs", list(refs)]}}, 0]}
                for refs in wanted
            ]
        }
    }
