"""What an export selects, as conditions on the documents of its collection."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bson.regex import Regex

from daybook.exports.filters import CONDITIONS, JUNCTION
from daybook.exports.objects import ATTEMPTS, OBJECTS, ExportedObjectName, Field
from daybook.exports.parameters import Parameters
from daybook.storage.logs import BY_REF, BY_TIME, FAILURES_BY_TIME
from daybook.storage.refs import ref
from daybook.storage.sendout_filters import is_pattern
from daybook.storage.sendouts import SENDOUTS_BY_REF, SENDOUTS_BY_TIME
from daybook.storage.status_codes import codes_of
from daybook.storage.tasks import TASKS_BY_REF, TASKS_BY_TIME
from daybook.storage.webhook_endpoints import pattern_text

Condition = dict[str, Any]

# By each object's time, and by its references.
_INDEXES: Final[Mapping[ExportedObjectName, tuple[str, str]]] = {
    "api_log": (BY_TIME, BY_REF),
    "async_action": (TASKS_BY_TIME, TASKS_BY_REF),
    "webhook_sendout": (SENDOUTS_BY_TIME, SENDOUTS_BY_REF),
    "webhook_attempt": (SENDOUTS_BY_TIME, SENDOUTS_BY_REF),
}
# Each is a walk of its own, all of them merged.
_MOST_WALKS: Final = 20
_TIME: Final = "created_at"

_BOUNDS: Final = {
    "$more_than": "$gt",
    "$after": "$gt",
    "$less_than": "$lt",
    "$before": "$lt",
    "$more_than_equal": "$gte",
    "$less_than_equal": "$lte",
}
_NEGATIVE: Final = {
    "$is_not": "$is",
    "$not_in": "$in",
    "$not_contain": "$contains",
    "$is_unknown": "$has_value",
}
_LAST_ANSWER: Final = {
    "$let": {"vars": {"last": {"$last": f"${ATTEMPTS}"}}, "in": "$$last.status_code"}
}


@dataclass(frozen=True, slots=True)
class Selection:
    """What to read: ``match`` holds the project and the time, to be read by ``index``.

    ``refs``: where it is given, the index is walked hour by hour for each of these, and
    the walks are merged. ``attempts`` is met by each attempt alone, once ``history`` is
    unwound; empty where all of a sendout are wanted.
    """

    match: Condition
    index: str
    refs: tuple[str, ...] | None = None
    attempts: Condition = field(default_factory=dict[str, Any])


def select(parameters: Parameters, project_id: str, created_at: datetime) -> Selection:
    """What an export of these parameters reads that was made at ``created_at``.

    Of logs what was received before; of sendouts, and of their attempts, those that
    were made by then. Tasks are taken as they stand when they are listed.
    """
    exported = OBJECTS[parameters.exported_object]
    by_time, by_ref = _INDEXES[exported.name]
    filtered = {
        name: (exported.table[name], dict(asked[CONDITIONS]))
        for name, asked in parameters.filters.items()
        if name != JUNCTION
    }
    match: Condition = {"project_id": project_id}
    if exported.name == "api_log":
        match["received_at"] = {"$lt": created_at}
    elif exported.name != "async_action":
        match["created_at"] = {"$lte": created_at}
    if parameters.filters.get(JUNCTION, "and") == "or":
        return _of_any(match, by_time, filtered)
    index, refs = by_time, _walked(filtered)
    if refs is not None:
        index = by_ref
    elif exported.name == "api_log" and _only_failures(filtered):
        # A query of a partial index repeats what makes it partial.
        index, match["status"] = FAILURES_BY_TIME, "FAILURE"
    met: list[Condition] = []
    attempts: list[Condition] = []
    for named, asked in filtered.values():
        for condition in _conditions(named, asked):
            if _is_of_attempts(named):
                attempts.append(condition)
            elif not match.get(_TIME, {}).keys().isdisjoint(condition.get(_TIME, {})):
                met.append(condition)
            elif _TIME in condition:
                # Where the walk of the index is bounded by it, at both of its ends.
                match[_TIME] = match.get(_TIME, {}) | condition[_TIME]
            else:
                met.append(condition)
    return Selection(
        match | ({"$and": met} if met else {}),
        index,
        refs,
        {"$and": attempts} if attempts else {},
    )


def _of_any(
    match: Condition, index: str, filtered: Mapping[str, tuple[Field, Condition]]
) -> Selection:
    any_of: Condition = {
        "$or": [
            {"$and": _conditions(named, asked)} for named, asked in filtered.values()
        ]
    }
    if any(_is_of_attempts(named) for named, _ in filtered.values()):
        return Selection(match, index, None, any_of)
    return Selection(match | any_of, index)


def _is_of_attempts(named: Field) -> bool:
    return named.path.startswith(f"{ATTEMPTS}.")


def _walked(
    filtered: Mapping[str, tuple[Field, Condition]],
) -> tuple[str, ...] | None:
    """The references of the filter that leaves the fewest documents."""
    walks: list[tuple[int, tuple[str, ...]]] = []
    for named, asked in filtered.values():
        for operator in ("$is", "$in"):
            values = asked.get(operator, ())
            # What is empty has no reference.
            if not (named.refs and values and all(values)):
                continue
            if _has_patterns(named, values):
                continue
            refs = tuple(ref(kind, value) for value in values for kind in named.refs)
            if len(refs) <= _MOST_WALKS:
                walks.append((named.rank, refs))
    return min(walks)[1] if walks else None


def _has_patterns(named: Field, values: Sequence[str]) -> bool:
    return named.patterns and any(map(is_pattern, values))


def _only_failures(filtered: Mapping[str, tuple[Field, Condition]]) -> bool:
    if "status" not in filtered:
        return False
    _, asked = filtered["status"]
    given = [asked[name] for name in ("$is", "$in") if name in asked]
    return any(set(values) == {"FAILURE"} for values in given)


def _conditions(named: Field, asked: Mapping[str, Sequence[Any]]) -> list[Condition]:
    """What a field has to meet, operator by operator; several values are OR."""
    met: list[Condition] = []
    for operator, values in asked.items():
        positive = _NEGATIVE.get(operator)
        if positive is None:
            met.append(_meets(named, operator, values))
        else:
            met.append({"$nor": [_meets(named, positive, values)]})
    return met


def _meets(named: Field, operator: str, values: Sequence[Any]) -> Condition:
    if named.of_last_attempt:
        return _meets_last(operator, values)
    if named.by_refs and operator in ("$is", "$in"):
        refs = [ref(kind, value) for value in values for kind in named.refs]
        # As an expression: a plain condition could be taken for an index's bounds.
        common: Condition = {"$setIntersection": [{"$ifNull": ["$refs", []]}, refs]}
        return {"$expr": {"$gt": [{"$size": common}, 0]}}
    paths = [named.path] if named.also is None else [named.path, named.also]
    found = [_at(path, named, operator, values) for path in paths]
    met = found[0] if len(found) == 1 else {"$or": found}
    if named.only_where is None:
        return met
    path, value = named.only_where
    return {"$and": [{path: value}, met]}


def _at(path: str, named: Field, operator: str, values: Sequence[Any]) -> Condition:
    if operator == "$has_value":
        return {path: {"$ne": None}}
    if operator in _BOUNDS:
        (value,) = values
        bound = _BOUNDS[operator]
        return {
            path: _bounded(bound, value) if named.type == "time" else {bound: value}
        }
    if operator in ("$is", "$in"):
        return _equals(path, named, values)
    ways = {"$contains": "{}", "$starts_with": r"\A{}", "$ends_with": r"{}\z"}
    way = ways[operator]
    return {path: {"$in": [Regex(way.format(re.escape(one)), "s") for one in values]}}


def _equals(path: str, named: Field, values: Sequence[Any]) -> Condition:
    if named.codes:
        asked = codes_of(values)
        found: list[Any] = sorted(asked.codes)
        return {path: {"$in": [*found, *([None] if asked.none else [])]}}
    if named.type == "boolean":
        # Only what is true is stored for certain.
        either = [True] if True in values else []
        other = [False, None] if False in values else []
        return {path: {"$in": [*either, *other]}}
    if named.type == "time":
        moments = map(datetime.fromisoformat, values)
        return {path: {"$in": [one for one in moments if one == _whole(one)]}}
    if named.patterns:
        # MongoDB reads it as Perl does; to Perl "$" is before a last line break too.
        values = [
            Regex(rf"\A{pattern_text(one)}\z", "s") if is_pattern(one) else one
            for one in values
        ]
    return {path: {"$in": list(values)}}


def _meets_last(operator: str, values: Sequence[Any]) -> Condition:
    """The same of the last attempt's answer; null is an attempt without one."""
    answered: Condition = {"$isNumber": _LAST_ANSWER}
    if operator == "$has_value":
        return {"$expr": answered}
    if operator in _BOUNDS:
        within = {_BOUNDS[operator]: [_LAST_ANSWER, values[0]]}
        return {"$expr": {"$and": [answered, within]}}
    asked = codes_of(values)
    wanted = [*sorted(asked.codes), *([None] if asked.none else [])]
    code = {"$ifNull": [_LAST_ANSWER, None]}
    return {"$expr": {"$and": [{"$gt": ["$attempts", 0]}, {"$in": [code, wanted]}]}}


def _bounded(bound: str, text: str) -> Condition:
    """A bound for stored times, which are of whole milliseconds."""
    moment = datetime.fromisoformat(text)
    whole = _whole(moment)
    if whole != moment:
        # None is stored between the two; there may be none after it to round up to.
        bound = {"$gte": "$gt", "$lt": "$lte"}.get(bound, bound)
    return {bound: whole}


def _whole(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
