"""Which index answers a filter of tasks."""

from daybook.storage.tasks import (
    FAILED_BY_TIME,
    TASKS_BY_REF,
    TASKS_BY_TIME,
    TASKS_BY_TYPE,
    UNFINISHED_BY_TIME,
)

from query.filters import Filters
from query.plans import Conditions, Plan, References, has_each, refs_of
from query.tasks.filters import progress_bounds

REFERENCES: References = {
    "request_id": ("request",),
    "import_file_id": ("import_file",),
    "user": ("user", "email"),
}
_UNFINISHED = frozenset({"ENQUEUED", "IN_PROGRESS"})


def plan_tasks(filters: Filters) -> Plan:
    """The plan for ``filters``, by the index that leaves the least to be checked.

    A reference names a few tasks; what is unfinished or failed are few beside all; a
    type is a part of all.
    """
    conditions = _conditions(filters)
    asked = [
        refs for name in REFERENCES if (refs := refs_of(filters, name, REFERENCES))
    ]
    if asked:
        walked, *checked = asked
        conditions |= has_each(checked)
        return Plan(TASKS_BY_REF, walked, conditions, exact=not conditions)
    # A query of a partial index repeats what makes it partial.
    statuses = frozenset(filters.of("status"))
    if (statuses and statuses <= _UNFINISHED) or filters.of("stalled") == ("true",):
        if statuses == _UNFINISHED:
            del conditions["status"]
        return _walk(UNFINISHED_BY_TIME, conditions, {"unfinished": True})
    if "FAILED" in (*_only(filters, "status"), *_only(filters, "operation_status")):
        return _walk(FAILED_BY_TIME, conditions, {"failed": True})
    if conditions.pop("task_type", None) is not None:
        types: list[Conditions] = [{"task_type": name} for name in filters.of("type")]
        return _walk(TASKS_BY_TYPE, conditions, *types)
    return _walk(TASKS_BY_TIME, conditions, {})


def _walk(index: str, conditions: Conditions, *within: Conditions) -> Plan:
    return Plan(index, (), conditions, exact=not conditions, within=within)


def _only(filters: Filters, name: str) -> tuple[str, ...]:
    values = filters.of(name)
    return values if len(values) == 1 else ()


def _conditions(filters: Filters) -> Conditions:
    """What is asked for beside references."""
    conditions: Conditions = {
        field: {"$in": list(filters.of(name))}
        for name, field in (
            ("type", "task_type"),
            ("status", "status"),
            ("operation_status", "operation_status"),
        )
        if filters.of(name)
    }
    stalled = set(filters.of("stalled"))
    if stalled in ({"true"}, {"false"}):
        wanted = stalled == {"true"}
        conditions["stalled"] = True if wanted else {"$ne": True}
    progress: Conditions = {}
    if filters.of("progress"):
        progress["$in"] = [int(value) for value in filters.of("progress")]
    lowest, highest = progress_bounds(filters)
    if lowest is not None:
        progress["$gte"] = lowest
    if highest is not None:
        progress["$lte"] = highest
    if progress:
        conditions["progress"] = progress
    return conditions
