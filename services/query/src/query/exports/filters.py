"""What a list of exports is filtered by, and how it is ordered."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, cast, get_args

from daybook.exports.objects import RESPONSE_FORMATS
from daybook.storage.exports import EXPORT_STATUSES
from daybook.storage.times import from_ms

from query.filters import Filters, Vocabulary, one_of

Order = Literal["-created_at", "created_at", "-status", "status"]
ORDERS: Final = cast("tuple[Order, ...]", get_args(Order))
DEFAULT_ORDER: Final[Order] = "-created_at"

# Each filter, and where documents have it.
_PATHS: Final[Mapping[str, str]] = {
    "status": "status",
    "exported_object": "exported_object",
    "response_format": "parameters.response_format",
    "channel": "channel",
    "user_id": "user_id",
}
EXPORT_FILTERS: Final = Vocabulary(
    tuple(_PATHS),
    # What is exported and by which channel is open: other services record their own.
    checks={
        "status": one_of(*EXPORT_STATUSES),
        "response_format": one_of(*RESPONSE_FORMATS),
    },
)


def read_export_filters(pairs: Iterable[tuple[str, str]]) -> Filters:
    """The filters in a query string's pairs; raises InvalidFilters.

    A list of exports has no default window: exports are kept for ever.
    """
    return EXPORT_FILTERS.read(pairs)


def export_conditions(filters: Filters) -> dict[str, Any]:
    """What an export meets that has one of each filter's values."""
    conditions: dict[str, Any] = {
        path: {"$in": list(filters.of(name))}
        for name, path in _PATHS.items()
        if filters.of(name)
    }
    bounds = {"$gte": filters.window.after, "$lt": filters.window.before}
    created = {name: from_ms(ms) for name, ms in bounds.items() if ms is not None}
    return conditions | ({"created_at": created} if created else {})


def in_order(order: Order, filters: Filters) -> Sequence[str | None]:
    """The statuses that are listed one after the other; None: all of them as one."""
    if not order.endswith("status"):
        return (None,)
    asked = filters.of("status") or EXPORT_STATUSES
    return sorted(asked, reverse=order.startswith("-"))
