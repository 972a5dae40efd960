"""Which index answers a filter of logs."""

from daybook.storage.logs import BY_REF, BY_TIME, FAILURES_BY_TIME
from daybook.storage.status_codes import ALL_CODES, Codes

from query.filters import Filters
from query.logs.filters import asked_codes
from query.plans import Conditions, Plan, References, has_each, refs_of

REFERENCES: References = {
    "request_id": ("request",),
    "task_id": ("task",),
    "import_file_id": ("import_file",),
    "resource_id": ("resource",),
    "user": ("user", "email"),
    "api_key": ("key", "key_name"),
    "endpoint": ("endpoint",),
    "resource_type": ("resource_type",),
}


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
    asked = [
        refs for name in REFERENCES if (refs := refs_of(filters, name, REFERENCES))
    ]
    if not asked and filters.of("status") == ("FAILURE",):
        if filters.of("status_code") and codes is not None:
            conditions["status_code"] = _code_condition(codes)
        # A query of a partial index repeats what makes it partial.
        failures: tuple[Conditions, ...] = ({"status": "FAILURE"},)
        return Plan(
            FAILURES_BY_TIME, (), conditions, exact=not conditions, within=failures
        )
    if codes is not None:
        conditions["status_code"] = _code_condition(codes)
    if not asked:
        return Plan(BY_TIME, (), conditions, exact=not conditions)
    walked, *checked = asked
    conditions |= has_each(checked)
    return Plan(BY_REF, walked, conditions, exact=not conditions)


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
