"""The ``task_events`` collection: every event of every task, as ingest stores it.

A document holds, beside ``_id`` (``PROJECT/ID``)::

    project_id id type created_at received_at event_time? hour tier? source sequence?
    traceparent? origin{topic partition offset} extra? task_id run …

and the event's own fields by their names; what the event left out is left out.
``type`` is the event's CloudEvents type. Only ``daybook.task.progressed.v1`` has a
``tier``, and expires by it: the rest of a task's history is kept for ever.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pymongo import IndexModel
from pymongo.asynchronous.collection import AsyncCollection

from daybook.storage.indexes import ensure_indexes
from daybook.storage.tiers import ttl_indexes

TASK_EVENTS_BY_TASK = "by_task"

# The history of one task, whose hours are known: those between the task's
# ``created_at`` and ``updated_at``. Hour first: else every write touches another page.
TASK_EVENT_INDEXES = (
    IndexModel(
        [
            ("project_id", 1),
            ("hour", 1),
            ("task_id", 1),
            ("created_at", 1),
            ("_id", 1),
        ],
        name=TASK_EVENTS_BY_TASK,
    ),
)


def task_event_indexes(tiers: Mapping[str, timedelta]) -> tuple[IndexModel, ...]:
    """All indexes of the collection, with those that expire its tiers."""
    return (*TASK_EVENT_INDEXES, *ttl_indexes(tiers))


async def ensure_task_events(
    collection: AsyncCollection[dict[str, Any]], tiers: Mapping[str, timedelta]
) -> None:
    """Create what is missing of the collection's indexes; safe to repeat."""
    await ensure_indexes(collection, task_event_indexes(tiers))
