"""What a list of sendouts is filtered by."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final, cast

from daybook.storage.sendout_filters import ATTEMPTS_FROM, SENDOUT_FILTERS

from query.filters import Filters, InvalidFilters, Vocabulary, codes_problem, one_of
from query.webhooks.bodies import InvalidBody
from query.webhooks.drafts import LONGEST_PATTERN

STATUSES: Final = ("SCHEDULED", "SENT", "RETRYING", "FAILED", "HELD")
# Beside these the whole history is searched: one thing's traces are few and far apart.
WINDOWLESS: Final = frozenset({"event_id", "group_id", "entity_id"})
DEFAULT_WINDOW: Final = timedelta(hours=24)
_MOST_ATTEMPTS: Final = 1_000_000


def _event_types(values: Sequence[str]) -> str | None:
    if all(len(one) <= LONGEST_PATTERN and one.isprintable() for one in values):
        return None
    return f"use types of at most {LONGEST_PATTERN} printable characters; * is any text"


def _attempts(values: Sequence[str]) -> str | None:
    for value in values:
        if not (value.isascii() and value.isdigit() and len(value) <= 7):
            return f"use a whole number from 0 to {_MOST_ATTEMPTS}"
        if int(value) > _MOST_ATTEMPTS:
            return f"use a whole number from 0 to {_MOST_ATTEMPTS}"
    return None


SENDOUT_VOCABULARY: Final = Vocabulary(
    SENDOUT_FILTERS,
    once=frozenset({ATTEMPTS_FROM}),
    checks={
        "status": one_of(*STATUSES),
        "event_type": _event_types,
        "status_code": codes_problem,
        ATTEMPTS_FROM: _attempts,
    },
)


def read_sendout_filters(pairs: Iterable[tuple[str, str]]) -> Filters:
    """The filters in a query string's pairs; raises InvalidFilters."""
    return SENDOUT_VOCABULARY.read(pairs)


def default_window(filters: Filters) -> timedelta | None:
    """How far back to look when no time was asked for; None is all of it."""
    if any(name in WINDOWLESS for name in filters.values):
        return None
    return DEFAULT_WINDOW


def filters_of_body(given: object) -> Filters:
    """The filters in a JSON object, values alone or in lists; raises InvalidBody."""
    if not isinstance(given, Mapping):
        raise InvalidBody({"filter": "use an object of filters, as the list has them"})
    pairs: list[tuple[str, str]] = []
    for name, value in cast("Mapping[str, object]", given).items():
        values = cast("list[object]", value) if isinstance(value, list) else [value]
        for one in values:
            if isinstance(one, bool) or not isinstance(one, str | int):
                raise InvalidBody({f"filter.{name}": "use a text, or a list of texts"})
            pairs.append((name, str(one)))
    try:
        return read_sendout_filters(pairs)
    except InvalidFilters as error:
        problems = {f"filter.{name}": said for name, said in error.problems.items()}
        raise InvalidBody(problems) from error
