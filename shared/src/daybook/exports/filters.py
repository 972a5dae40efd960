"""Filters of an export: read from JSON, checked, and written as they are stored.

``{"junction": "and" | "or", FIELD: {"conditions": {OPERATOR: [VALUE …]}}}``: the
junction joins fields, and ``and`` is the default; all conditions of a field are to be
met. Of several values one is to be met, and of a negative operator none.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

import orjson

from daybook.events.base import INT64_MAX
from daybook.exports.objects import ExportedObject, Field, FilterType
from daybook.exports.problems import said, unknown
from daybook.storage.status_codes import ALL_CODES, read_codes

MOST_FIELDS: Final = 20
MOST_VALUES: Final = 100
LONGEST_VALUE: Final = 4096
# Caps what a list of exports carries, and the database is asked at once.
MOST_BYTES: Final = 256 * 1024

JUNCTION: Final = "junction"
CONDITIONS: Final = "conditions"
_PLACE: Final = "parameters.filters"

EQUAL: Final = ("$is", "$is_not", "$in", "$not_in")
PRESENT: Final = ("$has_value", "$is_unknown")
_BOUNDS: Final = ("$more_than", "$less_than", "$more_than_equal", "$less_than_equal")
OPERATORS: Final[Mapping[FilterType, tuple[str, ...]]] = {
    "text": (
        *EQUAL,
        "$contains",
        "$not_contain",
        "$starts_with",
        "$ends_with",
        *PRESENT,
    ),
    "time": ("$before", "$after", *_BOUNDS, *EQUAL, *PRESENT),
    "integer": (*EQUAL, *_BOUNDS, *PRESENT),
    "number": (*EQUAL, *_BOUNDS, *PRESENT),
    "boolean": EQUAL,
    "json": PRESENT,
}
_ONE_VALUE: Final = frozenset({"$before", "$after", *_BOUNDS})

_TIME: Final = "use a time as RFC 3339, for example 2026-11-24T03:00:00.000Z"
_CODE: Final = "use a code such as 404, a class such as 4xx, or null for no response"

Filters = dict[str, Any]


class _BadValue(ValueError):
    """A value is not of the field's type; says what to use."""


def read_filters(
    given: object, exported: ExportedObject
) -> tuple[Filters, dict[str, str]]:
    """The filters in the form that is stored, and what is wrong with them by place.

    A single value may stand without a list; null is as if it were left out.
    """
    if given is None:
        return {}, {}
    if not isinstance(given, Mapping):
        return {}, {_PLACE: "use an object of fields, each with its conditions"}
    named = _present(cast("Mapping[str, object]", given))
    junction, fields = named.pop(JUNCTION, "and"), named
    problems = unknown(fields, exported.table, f"{_PLACE}.")
    if len(fields) > MOST_FIELDS:
        problems[_PLACE] = f"filter by at most {MOST_FIELDS} fields"
    if not isinstance(junction, str) or junction.lower() not in ("and", "or"):
        problems[f"{_PLACE}.{JUNCTION}"] = "use and or or"
    if problems:
        return {}, problems
    read: Filters = {}
    for name, filtered in fields.items():
        place = f"{_PLACE}.{name}"
        conditions = _conditions(place, filtered, exported.table[name], problems)
        read[name] = {CONDITIONS: conditions}
    if not problems and len(orjson.dumps(read)) > MOST_BYTES:
        problems[_PLACE] = f"give at most {MOST_BYTES // 1024} KiB of filters"
    if read:
        read[JUNCTION] = str(junction).lower()
    return read, problems


def _conditions(
    place: str, filtered: object, field: Field, problems: dict[str, str]
) -> dict[str, list[Any]]:
    operators = OPERATORS[field.type]
    if not isinstance(filtered, Mapping):
        problems[place] = (
            'use {"conditions": {OPERATOR: [VALUE]}} with an operator of '
            f"{said(operators)}"
        )
        return {}
    named = _present(cast("Mapping[str, object]", filtered))
    problems |= unknown(named, (CONDITIONS,), f"{place}.")
    conditions = named.get(CONDITIONS)
    asked: dict[str, object] = {}
    if isinstance(conditions, Mapping):
        asked = _present(cast("Mapping[str, object]", conditions))
    if not asked:
        problems[f"{place}.{CONDITIONS}"] = f"use an object of {said(operators)}"
        return {}
    problems |= unknown(asked, operators, f"{place}.")
    read: dict[str, list[Any]] = {}
    for operator, value in asked.items():
        if operator not in operators:
            continue
        try:
            read[operator] = _values(operator, value, field)
        except _BadValue as error:
            problems[f"{place}.{operator}"] = str(error)
    return read


def _present(given: Mapping[str, object]) -> dict[str, object]:
    """What is null is as if it were left out."""
    return {str(name): value for name, value in given.items() if value is not None}


def _values(operator: str, given: object, field: Field) -> list[Any]:
    """The values in the form that is stored; raises :class:`_BadValue`."""
    if operator in PRESENT:
        return []
    values = cast("list[object]", given) if isinstance(given, list) else [given]
    if not values:
        raise _BadValue("give a value")
    if len(values) > MOST_VALUES:
        raise _BadValue(f"give at most {MOST_VALUES} values")
    if operator in _ONE_VALUE and len(values) > 1:
        raise _BadValue("give one value")
    if field.codes and operator in EQUAL:
        return [_code(value) for value in values]
    return [_value(operator, value, field) for value in values]


def _value(operator: str, value: object, field: Field) -> object:
    match field.type:
        case "text":
            return _text(value, field.choices if operator in EQUAL else ())
        case "time":
            return _time(value)
        case "integer":
            if not isinstance(value, int) or isinstance(value, bool):
                raise _BadValue("use whole numbers")
        case "number":
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise _BadValue("use numbers")
        case _:
            if not isinstance(value, bool):
                raise _BadValue("use true or false")
    # As a comparison: an integer may be beyond what a float holds.
    if not -INT64_MAX - 1 <= value <= INT64_MAX:
        raise _BadValue("use numbers of at most 64 bits")
    return value


def _text(value: object, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str):
        raise _BadValue("use texts")
    if choices and value not in choices:
        raise _BadValue(f"use {said(choices)}")
    if len(value) > LONGEST_VALUE:
        raise _BadValue(f"use at most {LONGEST_VALUE} characters")
    # Neither can stand in what the database is asked.
    if "\0" in value or any("\ud800" <= one <= "\udfff" for one in value):
        raise _BadValue("use texts without NUL and lone surrogates")
    return value


def _code(value: object) -> str:
    text = value if isinstance(value, str) else ""
    # Within bounds: Python refuses to write very long integers.
    if isinstance(value, int) and not isinstance(value, bool) and value in ALL_CODES:
        text = str(value)
    if read_codes(text) is None:
        raise _BadValue(_CODE)
    return text


def _time(value: object) -> str:
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        raise _BadValue(_TIME) from None
