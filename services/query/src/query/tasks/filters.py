"""What a list of background tasks is filtered by."""

from collections.abc import Iterable, Sequence

from daybook.storage.tasks import STATUSES

from query.filters import Check, Filters, InvalidFilters, Vocabulary, one_of

PROGRESS_FROM, PROGRESS_TO = "progress[gte]", "progress[lte]"
OPERATION_STATUSES = ("SUCCESS", "FAILED", "UNKNOWN")

# The order in which pages show them.
TASK_VALUE_FILTERS = (
    "type",
    "status",
    "operation_status",
    "stalled",
    "user",
    "request_id",
    "import_file_id",
    "progress",
    PROGRESS_FROM,
    PROGRESS_TO,
)


def _per_cent(values: Sequence[str]) -> str | None:
    for value in values:
        if not (value.isascii() and value.isdigit() and len(value) <= 3):
            return "use a whole number from 0 to 100"
        if int(value) > 100:
            return "use a whole number from 0 to 100"
    return None


_CHECKS: dict[str, Check] = {
    "status": one_of(*STATUSES),
    "operation_status": one_of(*OPERATION_STATUSES),
    "stalled": one_of("true", "false"),
    **dict.fromkeys(("progress", PROGRESS_FROM, PROGRESS_TO), _per_cent),
}

TASK_FILTERS = Vocabulary(
    TASK_VALUE_FILTERS,
    once=frozenset({PROGRESS_FROM, PROGRESS_TO}),
    # What Voucherify's clients call the end: tasks from before this time.
    ends=("end_date",),
    checks=_CHECKS,
)


def read_task_filters(pairs: Iterable[tuple[str, str]]) -> Filters:
    """The filters in a query string's pairs; raises InvalidFilters.

    A list of tasks has no default window: tasks are kept for ever, and its cursors lead
    to the first of them.
    """
    filters = TASK_FILTERS.read(pairs)
    lowest, highest = progress_bounds(filters)
    if lowest is not None and highest is not None and lowest > highest:
        raise InvalidFilters({PROGRESS_FROM: f"must be at most {PROGRESS_TO}"})
    return filters


def progress_bounds(filters: Filters) -> tuple[int | None, int | None]:
    """The lowest and the highest progress that are asked for; None is any."""
    bounds = (filters.of(PROGRESS_FROM), filters.of(PROGRESS_TO))
    lowest, highest = (int(given[0]) if given else None for given in bounds)
    return lowest, highest
