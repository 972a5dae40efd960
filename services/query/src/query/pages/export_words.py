"""An export's parameters in words: what, which columns, by which filters; no I/O."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from query.filters import read_time
from query.pages.forms import Chip
from query.shapes import ms_text

OBJECT_WORDS: Mapping[str, str] = {
    "api_log": "Logs",
    "async_action": "Background tasks",
    "webhook_sendout": "Webhook sendouts",
    "webhook_attempt": "Webhook attempts",
}
# What each format is for, in one line.
FORMATS: Mapping[str, str] = {
    "CSV": "a table for spreadsheets; a cell that could run as a formula is quoted",
    "NDJSON": "a JSON object on each line, values as they are stored",
    "PARQUET": "columns with types, small, for DuckDB, pandas or a warehouse",
}
FORMAT_WORDS: Mapping[str, str] = {
    "CSV": "CSV",
    "NDJSON": "NDJSON",
    "PARQUET": "Parquet",
}
CHANNEL_WORDS: Mapping[str, str] = {"API": "API", "WEBSITE": "Dashboard"}

# One value, several values. Of times ``before`` and ``after`` read as they are.
_OPERATORS: Mapping[str, tuple[str, str]] = {
    "$is": ("is", "is one of"),
    "$in": ("is", "is one of"),
    "$is_not": ("is not", "is none of"),
    "$not_in": ("is not", "is none of"),
    "$contains": ("contains", "contains one of"),
    "$not_contain": ("does not contain", "contains none of"),
    "$starts_with": ("starts with", "starts with one of"),
    "$ends_with": ("ends with", "ends with one of"),
    "$more_than": ("is more than", "is more than"),
    "$less_than": ("is less than", "is less than"),
    "$more_than_equal": ("is at least", "is at least"),
    "$less_than_equal": ("is at most", "is at most"),
    "$before": ("is before", "is before"),
    "$after": ("is after", "is after"),
    "$has_value": ("is there", "is there"),
    "$is_unknown": ("is not there", "is not there"),
}
_OF_TIMES: Mapping[str, str] = {
    "$more_than_equal": "is from",
    "$less_than_equal": "is until",
    "$more_than": "is after",
    "$less_than": "is before",
}
_WITHOUT_VALUES = frozenset({"$has_value", "$is_unknown"})
_ABBREVIATIONS = {"api": "API", "id": "id", "url": "URL"}
_WHOLE: Mapping[str, str] = {
    "created_at": "Created",
    "updated_at": "Updated",
    "executed_at": "Last attempt",
    "started_at": "Started",
    "finished_at": "Finished",
    "group_id": "Request",
    "api_key": "API key",
    "duration_ms": "Duration in ms",
    "request_duration": "Duration in ms",
}


def object_word(exported_object: str) -> str:
    """What is exported; other services export what only they know."""
    return OBJECT_WORDS.get(exported_object, exported_object)


def field_word(name: str) -> str:
    """A field's name as a label."""
    if name in _WHOLE:
        return _WHOLE[name]
    first, *others = name.split("_")
    words = [_ABBREVIATIONS.get(word, word) for word in (first, *others)]
    return words[0][:1].upper() + " ".join(words)[1:]


def order_word(order: str) -> str:
    name, descending = order.removeprefix("-"), order.startswith("-")
    if name.endswith("_at"):
        return "Newest first" if descending else "Oldest first"
    return f"{field_word(name)}, {'descending' if descending else 'ascending'}"


def junction_of(filters: Mapping[str, Any]) -> Literal["and", "or"]:
    return "or" if str(filters.get("junction", "and")).lower() == "or" else "and"


def filter_chips(filters: Mapping[str, Any]) -> list[Chip]:
    """A chip for each condition, which nothing removes."""
    return [
        Chip(field_word(name), _said(operator, values), None)
        for name, conditions in _conditions(filters)
        for operator, values in conditions.items()
    ]


def filters_sentence(filters: Mapping[str, Any], what: str) -> str:
    """What the chips mean together."""
    count = len(list(_conditions(filters)))
    if not count:
        return f"All {what}, without a filter."
    if count == 1:
        return f"The {what} that meet this:"
    wanted = "any" if junction_of(filters) == "or" else "all"
    return f"The {what} that meet {wanted} of these:"


def _conditions(
    filters: Mapping[str, Any],
) -> Sequence[tuple[str, Mapping[str, Sequence[Any]]]]:
    """The fields of the filters, as far as they can be told."""
    found: list[tuple[str, Mapping[str, Sequence[Any]]]] = []
    for name, held in filters.items():
        if name == "junction" or not isinstance(held, Mapping):
            continue
        conditions = cast("Mapping[str, Any]", held).get("conditions")
        if isinstance(conditions, Mapping):
            found.append((name, cast("Mapping[str, Sequence[Any]]", conditions)))
    return found


def _said(operator: str, values: object) -> str:
    given: list[object] = (
        list(cast("Sequence[object]", values))
        if isinstance(values, list | tuple)
        else [values]
    )
    shown = [_value(value) for value in given]
    one, many = _OPERATORS.get(operator, (operator, operator))
    if operator in _WITHOUT_VALUES:
        return one
    if len(given) == 1 and _is_time(given[0]):
        return f"{_OF_TIMES.get(operator, one)} {shown[0]}"
    return f"{one if len(shown) == 1 else many} {', '.join(shown)}"


def _is_time(value: object) -> bool:
    return isinstance(value, str) and "T" in value and read_time(value) is not None


def _value(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if _is_time(value):
        text = ms_text(read_time(str(value))) or ""
        return f"{text[:10]} {text[11:].removesuffix('Z').removesuffix('.000')} UTC"
    return str(value)
