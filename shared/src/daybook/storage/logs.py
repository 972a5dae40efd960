"""The ``logs`` collection: one document an API request, and its four indexes.

A document holds, beside ``_id`` (``PROJECT/ID``)::

    project_id id created_at received_at event_time? hour tier status status_code method
    endpoint url channel request_id duration_ms user api_key client_ip user_agent
    request response task_id import_file_id resource source sequence traceparent
    origin{topic partition offset} refs extra?

with the names and shapes of the API's log; what the event left out is left out.
Times are BSON dates in milliseconds; ``hour`` is ``created_at`` in hours since 1970;
``refs`` are those of :mod:`daybook.storage.refs`; ``extra`` is JSON text: attributes
and fields that this version does not know.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from pymongo import IndexModel
from pymongo.asynchronous.collection import AsyncCollection

from daybook.storage.indexes import ensure_indexes
from daybook.storage.tiers import ttl_indexes

Status = Literal["SUCCESS", "FAILURE"]
FIRST_FAILURE_CODE = 400

BY_TIME = "by_time"
FAILURES_BY_TIME = "failures_by_time"
BY_REF = "by_ref"

_NEWEST_FIRST = [("project_id", 1), ("created_at", -1), ("_id", -1)]

# Each index is paid by every write, so each names the queries that it serves. The
# fourth is the tier's TTL index. A fifth needs a decision record with its cost.
INDEXES = (
    # The list, and filters by status code, channel and method within it.
    IndexModel(
        [*_NEWEST_FIRST, ("status_code", 1), ("channel", 1), ("method", 1)],
        name=BY_TIME,
    ),
    # The list of failures: rare ones are found without walking the successes.
    IndexModel(
        _NEWEST_FIRST,
        name=FAILURES_BY_TIME,
        partialFilterExpression={"status": "FAILURE"},
    ),
    # All that has to do with one thing, hour by hour from the newest.
    IndexModel(
        [
            ("project_id", 1),
            ("hour", -1),
            ("refs", 1),
            ("created_at", -1),
            ("_id", -1),
        ],
        name=BY_REF,
    ),
)


def status_of(status_code: int | None) -> Status:
    """FAILURE from 400 up and where no response was made."""
    if status_code is None or status_code >= FIRST_FAILURE_CODE:
        return "FAILURE"
    return "SUCCESS"


def log_indexes(tiers: Mapping[str, timedelta]) -> tuple[IndexModel, ...]:
    """All indexes of the collection, with those that expire its tiers."""
    return (*INDEXES, *ttl_indexes(tiers))


async def ensure_logs(
    collection: AsyncCollection[dict[str, Any]], tiers: Mapping[str, timedelta]
) -> None:
    """Create what is missing of the collection's indexes; safe to repeat."""
    await ensure_indexes(collection, log_indexes(tiers))
