"""The form of a new export: from a list's filters to a body; no I/O."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from daybook.exports.filters import MOST_BYTES
from daybook.exports.objects import OBJECTS, ExportedObjectName
from daybook.exports.parameters import InvalidParameters
from daybook.storage.sendout_filters import ATTEMPTS_FROM

from query.exports.carried import carried
from query.filters import Filters
from query.logs.filters import default_window as window_of_logs
from query.logs.filters import read_filters
from query.pages import log_views, sendout_views, task_views
from query.pages.export_words import (
    FORMAT_WORDS,
    FORMATS,
    OBJECT_WORDS,
    field_word,
    order_word,
)
from query.pages.forms import Choice, Pairs, Segments, Sheet, without
from query.pages.links import new_export
from query.pages.posts import Fields
from query.pages.ranges import chosen_range
from query.shapes import Json
from query.tasks.filters import read_task_filters
from query.webhooks.filters import default_window as window_of_sendouts
from query.webhooks.filters import read_sendout_filters

# The form's inputs. A column has one of its own: what is not ticked is not sent.
FILTERS, FORMAT, ORDER, COLUMN = "filters", "response_format", "order", "column-"
# Filters at their largest, each byte of them escaped.
LONGEST: Final = 4 * MOST_BYTES


@dataclass(frozen=True, slots=True)
class Origin:
    """The list that an export is made from; ``left_out``: filters that it has not,
    each with the reason."""

    name: ExportedObjectName
    sheet: Sheet
    read: Callable[[Pairs], Filters]
    window: Callable[[Filters], timedelta | None]
    left_out: Mapping[str, str] | None = None


_SENDOUTS: Final = Origin(
    "webhook_sendout", sendout_views.SHEET, read_sendout_filters, window_of_sendouts
)
ORIGINS: Final[Mapping[str, Origin]] = {
    origin.name: origin
    for origin in (
        Origin("api_log", log_views.SHEET, read_filters, window_of_logs),
        Origin("async_action", task_views.SHEET, read_task_filters, lambda _: None),
        _SENDOUTS,
        replace(
            _SENDOUTS,
            name="webhook_attempt",
            left_out={
                "status": "a sendout has it, and its attempts do not",
                ATTEMPTS_FROM: "it counts a sendout's attempts",
            },
        ),
    )
}
_ATTEMPTS_CODE = (
    "Status code is that of each attempt here; in the list it is that of the last one."
)


@dataclass(frozen=True, slots=True)
class Carried:
    """The list's filters as the export's, and what is to be said about them."""

    filters: Json
    notes: Sequence[str]


def carried_over(origin: Origin, pairs: Pairs, now: datetime) -> Carried:
    """What the list shows now, with the window that it has; raises InvalidFilters."""
    sheet = origin.sheet
    asked = origin.read(without(pairs, *sheet.own))
    span, _ = chosen_range(pairs, origin.window(asked))
    left_out = origin.left_out or {}
    kept = {name: got for name, got in asked.values.items() if name not in left_out}
    notes = [
        f"{sheet.blanks[name].label} cannot be carried over: {why}."
        for name, why in left_out.items()
        if asked.of(name)
    ]
    if origin.left_out is not None and asked.of("status_code"):
        notes.append(_ATTEMPTS_CODE)
    filters = carried(Filters(kept), asked.effective_window(now, span))
    return Carried(filters, notes)


def blank(origin: Origin, filters: Json) -> Fields:
    """The form before anybody changes it."""
    exported = OBJECTS[origin.name]
    columns = {f"{COLUMN}{name}": "on" for name in exported.default_fields}
    return {
        FILTERS: orjson.dumps(filters).decode(),
        FORMAT: "CSV",
        ORDER: exported.orders[0],
        **columns,
    }


def body_of(origin: Origin, fields: Fields) -> Json:
    """What was filled in, as ``POST /v1/exports`` has it; raises InvalidParameters."""
    columns = [
        name for name in OBJECTS[origin.name].fields if f"{COLUMN}{name}" in fields
    ]
    if not columns:
        raise InvalidParameters({"Columns": "choose one at least"})
    return {
        "exported_object": origin.name,
        "response_format": fields.get(FORMAT),
        "parameters": {
            "fields": columns,
            "order": fields.get(ORDER),
            "filters": filters_in(fields),
        },
    }


def filters_in(fields: Fields) -> object:
    """The filters that the form holds; raises InvalidParameters where they are none."""
    try:
        return orjson.loads(fields.get(FILTERS, ""))
    except orjson.JSONDecodeError:
        said = "cannot be read: go back to the list and export it from there"
        raise InvalidParameters({"Filters": said}) from None


def inputs(origin: Origin, fields: Fields) -> dict[str, Any]:
    """What the template draws, as it is filled in."""
    exported = OBJECTS[origin.name]
    return {
        "held": fields.get(FILTERS, ""),
        "columns": [
            {
                "input": f"{COLUMN}{name}",
                "name": name,
                "word": field_word(name),
                "ticked": f"{COLUMN}{name}" in fields,
                "large": name not in exported.default_fields,
            }
            for name in exported.fields
        ],
        "formats": [
            (name, FORMAT_WORDS[name], what, fields.get(FORMAT) == name)
            for name, what in FORMATS.items()
        ],
        "orders": [
            (order, order_word(order), fields.get(ORDER) == order)
            for order in exported.orders
        ],
    }


def kinds(origin: Origin, pairs: Pairs) -> Segments | None:
    """What else the same list can be exported as."""
    names = [name for name, one in ORIGINS.items() if one.sheet is origin.sheet]
    if len(names) == 1:
        return None
    return Segments(
        "What each row is",
        [
            Choice(OBJECT_WORDS[name], new_export(name, pairs), name == origin.name)
            for name in names
        ],
    )
