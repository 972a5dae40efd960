"""The parameters of lists: how they are read, and how the documentation shows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daybook.storage.sendout_filters import ATTEMPTS_FROM

from query.filters import AFTER, BEFORE, InvalidFilters, Vocabulary
from query.logs.filters import LOG_FILTERS
from query.tasks.filters import PROGRESS_FROM, PROGRESS_TO, TASK_FILTERS
from query.webhooks.filters import SENDOUT_VOCABULARY

DEFAULT_LIMIT = 25
HIGHEST_LIMIT = 100
Parameters = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Paging:
    """How much of a list is asked for, and from where on."""

    limit: int
    cursor: str | None


def split_paging(
    items: list[tuple[str, str]], default_limit: int = DEFAULT_LIMIT
) -> tuple[list[tuple[str, str]], Paging]:
    """The filters of a query string, and its limit and cursor."""
    filters = [
        (name, value) for name, value in items if name not in ("limit", "cursor")
    ]
    paging = {name: value for name, value in items if name in ("limit", "cursor")}
    limit = paging.get("limit", str(default_limit))
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 3):
        raise InvalidFilters({"limit": f"use a number from 1 to {HIGHEST_LIMIT}"})
    if not 1 <= int(limit) <= HIGHEST_LIMIT:
        raise InvalidFilters({"limit": f"use a number from 1 to {HIGHEST_LIMIT}"})
    return filters, Paging(int(limit), paging.get("cursor"))


def parameter(name: str, schema: dict[str, Any], text: str) -> dict[str, Any]:
    """One parameter of a query string."""
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": text,
        "schema": schema,
    }


def paging_parameters(default_limit: int = DEFAULT_LIMIT) -> Parameters:
    limit = {
        "type": "integer",
        "minimum": 1,
        "maximum": HIGHEST_LIMIT,
        "default": default_limit,
    }
    return [
        parameter("limit", limit, "Rows a page."),
        parameter("cursor", {"type": "string"}, "next_cursor of the page before."),
    ]


_TIMES = {
    AFTER: "From this time on, inclusive; RFC 3339.",
    BEFORE: "Up to this time, exclusive; RFC 3339.",
}
_OF_LOGS = {
    "status": "SUCCESS or FAILURE: 400 and up, or no response.",
    "status_code": "A code (404), a class (4xx), or null for no response.",
    "endpoint": "Method and route template: POST /v1/vouchers/{code}.",
    "user": "A user's id or e-mail address.",
    "api_key": "A key's id or name.",
}
_OF_TASKS = {
    "end_date": "The same as created_at[before], as Voucherify's clients name it.",
    "status": "ENQUEUED, IN_PROGRESS, DONE or FAILED.",
    "operation_status": "SUCCESS, FAILED or UNKNOWN.",
    "user": "A user's id or e-mail address.",
    "progress": "Exactly so many per cent.",
    PROGRESS_FROM: "So many per cent or more.",
    PROGRESS_TO: "So many per cent or fewer.",
    "stalled": "true: a sign of life is overdue. false: it is not.",
}

_OF_SENDOUTS = {
    "status": "SCHEDULED, SENT, RETRYING, FAILED or HELD.",
    "event_type": "A type, or a pattern: voucher.*; * is any text.",
    "event_id": "The event's id as it was published.",
    "group_id": "The id of the API request that caused it.",
    "status_code": "Of the last attempt: 404, a class (4xx), or null for no answer.",
    ATTEMPTS_FROM: "So many attempts or more.",
}


def list_parameters(
    vocabulary: Vocabulary, descriptions: Mapping[str, str], default_limit: int
) -> Parameters:
    """Those of a list with these filters; what has no description is said plainly."""
    time, text = {"type": "string", "format": "date-time"}, {"type": "string"}
    described = {**_TIMES, **descriptions}
    shown = [parameter(name, time, described[name]) for name in vocabulary.times]
    for name in vocabulary.values:
        said = described.get(name, "Exactly this.")
        if name in vocabulary.once:
            shown.append(parameter(name, text, said))
        else:
            several = {"type": "array", "items": text}
            shown.append(parameter(name, several, f"{said} May be repeated."))
    return shown + paging_parameters(default_limit)


# As the clients of Voucherify expect it.
TASK_LIMIT = 10

LOG_LIST = list_parameters(LOG_FILTERS, _OF_LOGS, DEFAULT_LIMIT)
SENDOUT_LIST = list_parameters(SENDOUT_VOCABULARY, _OF_SENDOUTS, DEFAULT_LIMIT)
TASK_LIST = list_parameters(TASK_FILTERS, _OF_TASKS, TASK_LIMIT)
