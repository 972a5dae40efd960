"""Which index answers a filter, and the exact bounds that it is read within.

Every plan walks one index newest first in the order of the answer, so nothing is
sorted in memory; what the index does not hold is checked on the documents it names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from daybook.storage.logs import BY_REF, BY_TIME, FAILURES_BY_TIME
from daybook.storage.refs import RefKind, ref
from daybook.storage.times import from_ms, hour_of

from query.filters import ALL_CODES, Codes, Filters, asked_codes

# What a reference can be searched by, the rarest first: the first that is asked for
# is walked, the others are checked.
REFERENCES: Mapping[str, tuple[RefKind, ...]] = {
    "request_id": ("request",),
    "task_id": ("task",),
    "import_file_id": ("import_file",),
    "resource_id": ("resource",),
    "user": ("user", "email"),
    "api_key": ("key", "key_name"),
    "endpoint": ("endpoint",),
    "resource_type": ("resource_type",),
}
_NEWEST_FIRST = {"created_at": -1, "_id": -1}
# ``hour`` follows from ``created_at``, so this is the same order. Named first, it lets
# a walk over many hours keep the index's order instead of sorting in memory.
_NEWEST_FIRST_BY_HOUR = {"hour": -1, **_NEWEST_FIRST}

Conditions = dict[str, Any]


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
    """

    index: Literal["by_time", "failures_by_time", "by_ref"]
    refs: tuple[str, ...]
    conditions: Conditions
    exact: bool

    @property
    def order(self) -> dict[str, int]:
        return _NEWEST_FIRST_BY_HOUR if self.index == BY_REF else _NEWEST_FIRST

    def query(self, project_id: str, stretch: Stretch) -> Conditions:
        """The conditions for one stretch of the index."""
        bounds: Conditions = {"project_id": project_id, **stretch.created_at()}
        if not self.refs:
            return bounds | self.conditions
        walks = [
            bounds | {"hour": stretch.hours(), "refs": reference}
            for reference in self.refs
        ]
        if len(walks) == 1:
            return walks[0] | self.conditions
        return {"$or": walks} | self.conditions


def plan(filters: Filters) -> Plan | None:
    """The plan for ``filters``; None when nothing can match them."""
    codes = asked_codes(filters)
    if codes is not None and not codes.codes and not codes.none:
        return None
    conditions: Conditions = {
        name: {"$in": list(filters.of(name))}
        for name in ("channel", "method")
        if filters.of(name)
    }
    asked = [name for name in REFERENCES if filters.of(name)]
    if not asked and filters.of("status") == ("FAILURE",):
        if filters.of("status_code") and codes is not None:
            conditions["status_code"] = _code_condition(codes)
        # A query of a partial index repeats what makes it partial.
        failures = {"status": "FAILURE"} | conditions
        return Plan(FAILURES_BY_TIME, (), failures, exact=not conditions)
    if codes is not None:
        conditions["status_code"] = _code_condition(codes)
    if not asked:
        return Plan(BY_TIME, (), conditions, exact=not conditions)
    walked, *checked = asked
    if checked:
        # As an expression, since a plain condition on ``refs`` could be taken for the
        # index's bounds in place of the reference that is to be walked.
        conditions["$expr"] = {
            "$and": [
                {
                    "$gt": [
                        {
                            "$size": {
                                "$setIntersection": ["$refs", _refs(filters, name)]
                            }
                        },
                        0,
                    ]
                }
                for name in checked
            ]
        }
    return Plan(BY_REF, tuple(_refs(filters, walked)), conditions, exact=not conditions)


def _refs(filters: Filters, name: str) -> list[str]:
    return [ref(kind, value) for value in filters.of(name) for kind in REFERENCES[name]]


def _code_condition(codes: Codes) -> Conditions:
    """One condition on one field, so that the index is walked once and not merged.

    A stored code may be absent, which ``null`` would have to fetch the document to
    tell; excluding every other code is answered by the index.
    """
    if codes.none:
        return {"$nin": [code for code in ALL_CODES if code not in codes.codes]}
    lowest, highest = min(codes.codes), max(codes.codes)
    if highest - lowest + 1 == len(codes.codes):
        return {"$gte": lowest, "$lte": highest}
    return {"$in": sorted(codes.codes)}
