"""Which index answers a filter of sendouts."""

from typing import Final

from daybook.storage.refs import RefKind, ref
from daybook.storage.sendout_filters import is_pattern, sendout_conditions
from daybook.storage.sendouts import (
    SENDOUTS_BY_REF,
    SENDOUTS_BY_TIME,
    SENDOUTS_FAILED_BY_STATUS,
)

from query.filters import Filters
from query.plans import Conditions, Plan

# What was not delivered, or not yet at its first attempt.
_UNDELIVERED: Final = frozenset({"RETRYING", "FAILED", "HELD"})
# Few sendouts each …
_RARE: Final[dict[str, RefKind]] = {
    "event_id": "event",
    "entity_id": "entity",
    "group_id": "request",
}
# … and any number.
_COMMON: Final[dict[str, RefKind]] = {
    "endpoint_id": "webhook_endpoint",
    "event_type": "event_type",
}


def plan_sendouts(filters: Filters) -> Plan:
    """The plan for ``filters``."""
    conditions = sendout_conditions(filters.values)
    if (rare := _walked(filters, _RARE, conditions)) is not None:
        return rare
    # Most of what an endpoint or a type has was delivered: failures are fewer.
    statuses = filters.of("status")
    if statuses and _UNDELIVERED.issuperset(statuses):
        del conditions["status"]
        # A query of a partial index repeats what makes it partial.
        within = tuple({"failed": True, "status": status} for status in statuses)
        exact = not conditions
        return Plan(SENDOUTS_FAILED_BY_STATUS, (), conditions, exact, within)
    if (common := _walked(filters, _COMMON, conditions)) is not None:
        return common
    return Plan(SENDOUTS_BY_TIME, (), conditions, exact=not conditions)


def _walked(
    filters: Filters, kinds: dict[str, RefKind], conditions: Conditions
) -> Plan | None:
    """The walk of the first of these that is asked for; the others are checked."""
    for name, kind in kinds.items():
        values = filters.of(name)
        if values and not any(map(is_pattern, values if kind == "event_type" else ())):
            del conditions[name]
            refs = tuple(ref(kind, value) for value in values)
            return Plan(SENDOUTS_BY_REF, refs, conditions, exact=not conditions)
    return None
