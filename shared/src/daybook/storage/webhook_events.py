"""The ``webhook_events`` collection: every webhook as it was published.

A document holds, beside ``_id`` (``PROJECT/ID``)::

    project_id id created_at received_at event_time? hour tier source sequence?
    traceparent? origin{topic partition offset} extra? event_type entity_id? group_id?
    event_source? payload

``payload`` is JSON text, spelled as its publisher did. All of it expires by its tier.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pymongo import IndexModel
from pymongo.asynchronous.collection import AsyncCollection

from daybook.storage.indexes import ensure_indexes
from daybook.storage.tiers import ttl_indexes

WEBHOOK_EVENTS_BY_ARRIVAL = "by_arrival"

# A replay: all that a project was told of since some time, in the order of arrival.
WEBHOOK_EVENT_INDEXES = (
    IndexModel(
        [("project_id", 1), ("received_at", 1), ("_id", 1)],
        name=WEBHOOK_EVENTS_BY_ARRIVAL,
    ),
)


def webhook_event_indexes(tiers: Mapping[str, timedelta]) -> tuple[IndexModel, ...]:
    """All indexes of the collection, with those that expire its tiers."""
    return (*WEBHOOK_EVENT_INDEXES, *ttl_indexes(tiers))


async def ensure_webhook_events(
    collection: AsyncCollection[dict[str, Any]], tiers: Mapping[str, timedelta]
) -> None:
    """Create what is missing of the collection's indexes; safe to repeat."""
    await ensure_indexes(collection, webhook_event_indexes(tiers))
