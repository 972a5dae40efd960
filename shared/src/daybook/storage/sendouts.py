"""The ``sendouts`` collection: one event to one endpoint, until it is settled.

A document holds, beside ``_id`` (``PROJECT/ID``)::

    project_id id endpoint_id event_id event_type entity_id? group_id? event_source?
    event_source_id event_created_at traceparent? payload received_at
    origin{topic partition offset}
    created_at hour tier status attempts tries claim claimed_by? target_url?
    executed_at? last_error{kind message status_code}? trigger next_attempt_at? waiting?
    failed? settled_at? history[attempt] refs

``id`` is ``whs_`` and a digest of project, source, event and endpoint: a batch that is
read twice makes no sendout twice. ``payload`` is the event's JSON text,
``traceparent`` its place in a trace, which every attempt hands on. ``created_at``
is the database's time at the insert.

``attempts`` counts those that were recorded, ``tries`` those since the schedule began
anew; ``trigger`` is why the next attempt is made. ``history`` has the 100 latest, each
{attempt trigger started_at duration_ms status_code? request_headers response_headers?
response_body? error? next_attempt_at?}; ``attempt`` is the claim's number, so numbers
may have gaps.

``waiting`` is true while there is something to do (SCHEDULED, RETRYING), else left out:
what the index of work holds, with ``next_attempt_at``. ``claim`` is raised by whoever
takes the sendout to send it, and fences every later write. ``settled_at`` is set once
it is SENT, FAILED or HELD; from then on its tier runs.
"""

from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any, Literal

from pymongo import IndexModel
from pymongo.asynchronous.collection import AsyncCollection

from daybook.storage.indexes import ensure_indexes
from daybook.storage.tiers import ttl_indexes

Trigger = Literal["first", "retry", "manual", "bulk", "replay", "test"]
SendoutStatus = Literal["SCHEDULED", "SENT", "RETRYING", "FAILED", "HELD"]

# Caps what a sendout's history takes.
MOST_ATTEMPTS_KEPT = 100

SENDOUTS_BY_TIME = "by_time"
SENDOUTS_FAILED_BY_STATUS = "failed_by_status"
SENDOUTS_BY_REF = "by_ref"
WORK_BY_ENDPOINT = "work_by_endpoint"

_NEWEST_FIRST = [("created_at", -1), ("_id", -1)]

SENDOUT_INDEXES = (
    # An endpoint's work, what is due first; never one list for all, where a dead
    # endpoint's backlog would stand in everybody's way.
    IndexModel(
        [("project_id", 1), ("endpoint_id", 1), ("next_attempt_at", 1)],
        name=WORK_BY_ENDPOINT,
        partialFilterExpression={"waiting": True},
    ),
    # The list.
    IndexModel([("project_id", 1), *_NEWEST_FIRST], name=SENDOUTS_BY_TIME),
    # What was not delivered: failed, held, or being tried again. By status, since one
    # endpoint that takes nothing holds more than all others fail.
    IndexModel(
        [("project_id", 1), ("status", 1), *_NEWEST_FIRST],
        name=SENDOUTS_FAILED_BY_STATUS,
        partialFilterExpression={"failed": True},
    ),
    # All of one event, endpoint, entity, request or type, hour by hour from the newest.
    IndexModel(
        [("project_id", 1), ("hour", -1), ("refs", 1), *_NEWEST_FIRST],
        name=SENDOUTS_BY_REF,
    ),
)


def sendout_id(project_id: str, source: str, event_id: str, endpoint_id: str) -> str:
    """The id of the sendout of an event, as it was published, to an endpoint."""
    named = "\0".join((project_id, source, event_id, endpoint_id))
    return f"whs_{sha256(named.encode()).hexdigest()[:32]}"


def sendout_indexes(tiers: Mapping[str, timedelta]) -> tuple[IndexModel, ...]:
    """All indexes of the collection, with those that expire its tiers."""
    return (*SENDOUT_INDEXES, *ttl_indexes(tiers, of="settled_at"))


async def ensure_sendouts(
    collection: AsyncCollection[dict[str, Any]], tiers: Mapping[str, timedelta]
) -> None:
    """Create what is missing of the collection's indexes; safe to repeat."""
    await ensure_indexes(collection, sendout_indexes(tiers))
