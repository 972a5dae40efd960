"""What the Logs page shows, made from filters and documents; no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from daybook.storage.times import from_ms

from query.filters import AFTER, BEFORE, read_time
from query.logs.filters import VALUE_FILTERS

Pairs = list[tuple[str, str]]

# Periods that end now; the page's own parameter, which an exact time overrides.
RANGE = "range"
RANGES: Mapping[str, tuple[str, timedelta | None]] = {
    "1h": ("1 hour", timedelta(hours=1)),
    "24h": ("24 hours", timedelta(hours=24)),
    "7d": ("7 days", timedelta(days=7)),
    "30d": ("30 days", timedelta(days=30)),
    "all": ("All time", None),
}
DEFAULT_RANGE = "24h"
PAGE_PARAMETERS = (RANGE, "cursor")

LABELS = {
    AFTER: "From",
    BEFORE: "Until",
    "status": "Outcome",
    "status_code": "Status code",
    "method": "Method",
    "endpoint": "Endpoint",
    "channel": "Channel",
    "user": "User",
    "api_key": "API key",
    "request_id": "Request",
    "resource_type": "Resource type",
    "resource_id": "Resource",
    "task_id": "Task",
    "import_file_id": "Import file",
}
_HINTS = {
    "status_code": "404, 4xx or null",
    "method": "POST",
    "endpoint": "POST /v1/orders/{id}",
    "channel": "API",
    "user": "id or e-mail",
    "api_key": "id or name",
}
_MAIN = ("status", "status_code", "method", "endpoint", "user", "api_key")


@dataclass(frozen=True, slots=True)
class Field:
    """One filter of the form, with an input for each of its values."""

    name: str
    label: str
    values: tuple[str, ...]
    problem: str | None
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is on, and the address of the page without it."""

    label: str
    value: str
    remove: str | None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few that exclude each other, as a link."""

    label: str
    href: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Form:
    """The filters as the page shows them."""

    times: Sequence[Field]
    main: Sequence[Field]
    more: Sequence[Field]
    ranges: Sequence[Choice]
    outcomes: Sequence[Choice]
    hidden: Pairs
    chips: Sequence[Chip]
    clearable: bool
    problems: Sequence[str] = field(default_factory=tuple[str, ...])


def _known(shape: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return shape[name] or {}


def address(pairs: Pairs, log_id: str | None = None) -> str:
    """The page with these parameters, and a log's detail open where one is named."""
    path = "/logs" if log_id is None else f"/logs/{quote(log_id, safe='')}"
    return f"{path}?{urlencode(pairs)}" if pairs else path


def without(pairs: Pairs, *names: str) -> Pairs:
    return [(name, value) for name, value in pairs if name not in names]


def make_form(
    pairs: Pairs, problems: Mapping[str, str], range_shown: str | None
) -> Form:
    """The form that a query string's pairs fill in, its faults beside the fields."""
    fields = {name: _field(name, pairs, problems) for name in LABELS}
    more = [fields[name] for name in VALUE_FILTERS if name not in _MAIN]
    known = (*LABELS, *PAGE_PARAMETERS)
    return Form(
        times=[fields[AFTER], fields[BEFORE]],
        main=[fields[name] for name in _MAIN],
        more=more,
        ranges=_ranges(pairs, range_shown),
        outcomes=_outcomes(pairs),
        hidden=[pair for pair in pairs if pair[0] == RANGE],
        chips=_chips(pairs, range_shown),
        clearable=bool(without(pairs, "cursor")),
        problems=[
            f"{name} {what}" for name, what in problems.items() if name not in known
        ]
        + [what for name, what in problems.items() if name in PAGE_PARAMETERS],
    )


def _field(name: str, pairs: Pairs, problems: Mapping[str, str]) -> Field:
    values = tuple(value for key, value in pairs if key == name) or ("",)
    if name in (AFTER, BEFORE):
        values = (_local_time(values[0]),)
    return Field(name, LABELS[name], values, problems.get(name), _HINTS.get(name, ""))


def _local_time(text: str) -> str:
    """A time as the browser's date field takes it, in UTC; else what was written."""
    ms = read_time(text)
    if ms is None:
        return text
    return from_ms(ms).isoformat(timespec="milliseconds").removesuffix("+00:00")


def _ranges(pairs: Pairs, shown: str | None) -> list[Choice]:
    others = without(pairs, RANGE, AFTER, BEFORE, "cursor")
    return [
        Choice(label, address([*others, (RANGE, key)]), key == shown)
        for key, (label, _) in RANGES.items()
    ]


def _outcomes(pairs: Pairs) -> list[Choice]:
    others = without(pairs, "status", "cursor")
    asked = {value for name, value in pairs if name == "status"}
    return [
        Choice("All", address(others), len(asked) != 1),
        *(
            Choice(label, address([*others, ("status", value)]), asked == {value})
            for label, value in (("Succeeded", "SUCCESS"), ("Failed", "FAILURE"))
        ),
    ]


def _chips(pairs: Pairs, range_shown: str | None) -> list[Chip]:
    chips: list[Chip] = []
    if range_shown is not None:
        fixed = range_shown == DEFAULT_RANGE
        remove = None if fixed else address(without(pairs, RANGE, "cursor"))
        label, span = RANGES[range_shown]
        chips.append(Chip("Time", label if span is None else f"Last {label}", remove))
    for pair in pairs:
        if pair[0] in LABELS:
            left = [other for other in without(pairs, "cursor") if other != pair]
            shown = pair[1]
            if pair[0] in (AFTER, BEFORE) and read_time(shown) is not None:
                shown = _local_time(shown).replace("T", " ") + " UTC"
            chips.append(Chip(LABELS[pair[0]], shown, address(left)))
    return chips


@dataclass(frozen=True, slots=True)
class Row:
    """A log in the list."""

    shape: Mapping[str, Any]
    href: str
    selected: bool

    @property
    def day(self) -> str:
        return self.shape["created_at"][:10]

    @property
    def clock(self) -> str:
        return self.shape["created_at"][11:].removesuffix("Z")

    @property
    def title(self) -> str:
        """What the request was, as short as it is known."""
        return self.shape["endpoint"] or " ".join(
            filter(None, (self.shape["method"], self.shape["url"]))
        )

    @property
    def who(self) -> str:
        user, key = _known(self.shape, "user"), _known(self.shape, "api_key")
        return (
            user.get("email")
            or user.get("id")
            or key.get("name")
            or key.get("id")
            or "\u2014"
        )


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the detail; ``href`` filters for it."""

    label: str
    value: str
    href: str | None = None


def facts(shape: Mapping[str, Any]) -> list[Fact]:
    """What is known about a log beside its messages, in reading order."""
    user, key = _known(shape, "user"), _known(shape, "api_key")
    resource, origin = _known(shape, "resource"), _known(shape, "origin")
    asked: list[tuple[str, Any, str | None]] = [
        ("Request id", shape["request_id"], "request_id"),
        ("User", user.get("id"), "user"),
        ("E-mail", user.get("email"), "user"),
        ("API key", key.get("name"), "api_key"),
        ("API key id", key.get("id"), "api_key"),
        ("Key kind", key.get("kind"), None),
        ("Channel", shape["channel"], "channel"),
        ("Client IP", shape["client_ip"], None),
        ("User agent", shape["user_agent"], None),
        ("Resource", resource.get("id"), "resource_id"),
        ("Resource type", resource.get("type"), "resource_type"),
        ("Task", shape["task_id"], "task_id"),
        ("Import file", shape["import_file_id"], "import_file_id"),
        ("Received", shape["received_at"], None),
        ("Event time", shape["event_time"], None),
        ("Source", shape["source"], None),
        ("Sequence", shape["sequence"], None),
        ("Trace", shape["traceparent"], None),
        ("Origin", _origin(origin), None),
        ("Other fields", shape["extra"], None),
    ]
    return [
        Fact(label, str(value), address([(name, str(value))]) if name else None)
        for label, value, name in asked
        if value is not None and value != ""
    ]


def _origin(origin: Mapping[str, Any]) -> str | None:
    if not origin:
        return None
    return f"{origin['topic']} / {origin['partition']} @ {origin['offset']}"
