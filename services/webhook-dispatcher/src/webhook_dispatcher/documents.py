"""A webhook event and one endpoint as the sendout that is stored of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from daybook.events.cloudevent import CloudEvent
from daybook.events.traceparent import traceparent_of
from daybook.runtime.mongo import Document
from daybook.storage.refs import RefKind, ref
from daybook.storage.sendouts import sendout_id
from daybook.storage.times import created_ms, from_ms, hour_of, to_ms

from webhook_dispatcher.endpoints import Endpoint


@dataclass(frozen=True, slots=True)
class Claim:
    """Who sends a sendout that is being made, and how long it is theirs."""

    token: str
    lease: timedelta


_REFS: tuple[tuple[RefKind, str], ...] = (
    ("event", "event_id"),
    ("event_type", "event_type"),
    ("entity", "entity_id"),
    ("request", "group_id"),
    ("webhook_endpoint", "endpoint_id"),
)
_KEPT = ("event_type", "entity_id", "group_id", "event_source", "payload")


def sendout_key(project_id: str, source: str, event_id: str, endpoint_id: str) -> str:
    """The ``_id`` of a sendout."""
    return f"{project_id}/{sendout_id(project_id, source, event_id, endpoint_id)}"


def sendout_document(
    event: CloudEvent,
    record: Any,
    endpoint: Endpoint,
    *,
    tier: str,
    now: datetime,
    held: bool,
    claim: Claim | None = None,
) -> Document:
    """The document of one sendout, as :mod:`daybook.storage.sendouts` says.

    ``now`` is the database's time. A sendout is ``held`` where its endpoint takes
    nothing: it waits for a replay. With a ``claim`` it is its maker's from the start.
    """
    identity = sendout_id(event.project_id, event.source, event.id, endpoint.id)
    happened, _ = created_ms(event.time, record.timestamp)
    document: Document = {
        "_id": f"{event.project_id}/{identity}",
        "project_id": event.project_id,
        "id": identity,
        "endpoint_id": endpoint.id,
        "event_id": event.id,
        "event_source_id": event.source,
        "event_created_at": from_ms(happened),
        **{name: event.data[name] for name in _KEPT if name in event.data},
        "received_at": from_ms(record.timestamp),
        "origin": {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
        },
        "created_at": now,
        "hour": hour_of(to_ms(now)),
        "tier": tier,
        "attempts": 0,
        "tries": 0,
        "claim": 0,
        "trigger": "first",
        "history": [],
    }
    if (trace := traceparent_of(event.traceparent)) is not None:
        document["traceparent"] = trace
    document["refs"] = [
        ref(kind, document[name]) for kind, name in _REFS if document.get(name)
    ]
    if held:
        return document | {"status": "HELD", "failed": True, "settled_at": now}
    document |= {"status": "SCHEDULED", "waiting": True, "next_attempt_at": now}
    if claim is not None:
        document |= {
            "claim": 1,
            "claimed_by": claim.token,
            "next_attempt_at": now + claim.lease,
        }
    return document
