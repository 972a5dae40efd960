"""What a list of logs is filtered by."""

from collections.abc import Iterable
from datetime import timedelta

from daybook.storage.status_codes import ALL_CODES, Codes, codes_of

from query.filters import Filters, Vocabulary, codes_problem, one_of

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


LOG_FILTERS = Vocabulary(
    VALUE_FILTERS,
    checks={"status": one_of("SUCCESS", "FAILURE"), "status_code": codes_problem},
)


def read_filters(pairs: Iterable[tuple[str, str]]) -> Filters:
    """The filters in a query string's pairs; raises InvalidFilters."""
    return LOG_FILTERS.read(pairs)


def default_window(filters: Filters) -> timedelta | None:
    """How far back to look when no time was asked for; None is all of it."""
    if any(name in WINDOWLESS for name in filters.values):
        return None
    return DEFAULT_WINDOW


def asked_codes(filters: Filters) -> Codes | None:
    """The codes that ``status`` and ``status_code`` leave together; None is any."""
    asked: Codes | None = None
    if filters.of("status_code"):
        asked = codes_of(filters.of("status_code"))
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
