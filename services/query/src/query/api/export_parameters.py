"""The parameters of the list of exports, and of their links."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from query.api.parameters import HIGHEST_LIMIT, list_parameters, parameter, split_paging
from query.exports.filters import (
    DEFAULT_ORDER,
    EXPORT_FILTERS,
    ORDERS,
    Order,
    read_export_filters,
)
from query.exports.links import EXPIRES, TOKEN
from query.exports.lists import LAST_PAGE
from query.filters import Filters, InvalidFilters

# As the clients of Voucherify expect it.
DEFAULT_LIMIT: Final = 10
PAGE, ORDER = "page", "order"
NAMES: Final = (*EXPORT_FILTERS.names, ORDER, PAGE)

_DESCRIPTIONS: Final = {
    "status": "SCHEDULED, IN_PROGRESS, DONE or ERROR.",
    "exported_object": "What is exported: api_log.",
    "response_format": "CSV, NDJSON or PARQUET.",
    "channel": "API, WEBSITE, or another service's.",
    "user_id": "Who asked for it.",
}
_ORDER_SCHEMA: Final = {
    "type": "string",
    "enum": list(ORDERS),
    "default": DEFAULT_ORDER,
}
_PAGE_SCHEMA: Final = {"type": "integer", "minimum": 1, "maximum": LAST_PAGE}
EXPORT_LIST: Final = [
    *list_parameters(EXPORT_FILTERS, _DESCRIPTIONS, DEFAULT_LIMIT),
    parameter(ORDER, _ORDER_SCHEMA, "- is descending."),
    parameter(PAGE, _PAGE_SCHEMA, "The page's number, in place of cursor."),
]
LINK: Final = [
    parameter(TOKEN, {"type": "string"}, "Of `result.url`: answers the file."),
    parameter(EXPIRES, {"type": "integer"}, "Of `result.url`."),
]


@dataclass(frozen=True, slots=True)
class ExportQuery:
    """What is asked of the list."""

    filters: Filters
    order: Order
    limit: int
    page: int | None
    cursor: str | None


def read_query(items: Sequence[tuple[str, str]]) -> ExportQuery:
    """Read the query string of the list; raises InvalidFilters."""
    others, paging = split_paging(list(items), DEFAULT_LIMIT)
    own = {name: value for name, value in others if name in (ORDER, PAGE)}
    filters = [(name, value) for name, value in others if name not in own]
    order = own.get(ORDER, DEFAULT_ORDER)
    if order not in ORDERS:
        raise InvalidFilters({ORDER: f"use {', '.join(ORDERS)}"})
    return ExportQuery(
        read_export_filters(filters),
        order,
        paging.limit,
        _page(own.get(PAGE)),
        paging.cursor,
    )


def _page(text: str | None) -> int | None:
    if text is None:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 3:
        number = int(text)
        if 1 <= number <= LAST_PAGE:
            return number
    raise InvalidFilters(
        {
            PAGE: f"use a number from 1 to {LAST_PAGE}; beyond the first "
            f"{LAST_PAGE * HIGHEST_LIMIT} exports next_cursor goes on"
        }
    )
