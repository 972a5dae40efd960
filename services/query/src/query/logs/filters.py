"""What a list of logs is filtered by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain

from query.filters import Filters, Vocabulary, one_of

# The order in which pages show them.
VALUE_FILTERS = (
    "status",
    "status_code",
    "method",
    "endpoint",
    "channel",
    "user",
    "api_key",
    "request_id",
    "resource_type",
    "resource_id",
    "task_id",
    "import_file_id",
)

# Beside these the whole history is searched: one thing's traces are few and far apart.
WINDOWLESS = frozenset({"request_id", "task_id", "import_file_id", "resource_id"})
DEFAULT_WINDOW = timedelta(hours=24)

# Every status code that the event model allows.
ALL_CODES = range(100, 1000)


@dataclass(frozen=True, slots=True)
class Codes:
    """Status codes that are asked for; ``none``: logs without a response too."""

    codes: frozenset[int]
    none: bool


def _codes_problem(values: Sequence[str]) -> str | None:
    if any(_codes(value) is None for value in values):
        return "use a code such as 404, a class such as 4xx, or null for no response"
    return None


LOG_FILTERS = Vocabulary(
    VALUE_FILTERS,
    checks={"status": one_of("SUCCESS", "FAILURE"), "status_code": _codes_problem},
)


def read_filters(pairs: Iterable[tuple[str, str]]) -> Filters:
    """The filters in a query string's pairs; raises InvalidFilters."""
    return LOG_FILTERS.read(pairs)


def default_window(filters: Filters) -> timedelta | None:
    """How far back to look when no time was asked for; None is all of it."""
    if any(name in WINDOWLESS for name in filters.values):
        return None
    return DEFAULT_WINDOW


def _codes(text: str) -> Codes | None:
    if text == "null":
        return Codes(frozenset(), none=True)
    if len(text) != 3 or not text.isascii() or text[0] not in "123456789":
        return None
    if text[1:] == "xx":
        first = int(text[0]) * 100
        return Codes(frozenset(range(first, first + 100)), none=False)
    return Codes(frozenset({int(text)}), none=False) if text.isdigit() else None


def asked_codes(filters: Filters) -> Codes | None:
    """The codes that ``status`` and ``status_code`` leave together; None is any."""
    asked: Codes | None = None
    if filters.of("status_code"):
        read = [
            codes for value in filters.of("status_code") if (codes := _codes(value))
        ]
        asked = Codes(
            frozenset(chain.from_iterable(item.codes for item in read)),
            none=any(item.none for item in read),
        )
    statuses = set(filters.of("status"))
    if len(statuses) != 1:
        return asked
    failure = statuses == {"FAILURE"}
    of_status = Codes(
        frozenset(code for code in ALL_CODES if (code >= 400) is failure), none=failure
    )
    if asked is None:
        return of_status
    return Codes(asked.codes & of_status.codes, none=asked.none and of_status.none)
