"""Events as the documents that are stored of them."""

from hashlib import sha256
from typing import Any, Protocol

from bson.datetime_ms import DatetimeMS
from daybook.events.cloudevent import CloudEvent
from daybook.events.task import TaskProgressed
from daybook.storage.logs import status_of
from daybook.storage.refs import RefKind, ref
from daybook.storage.times import created_ms, hour_of, in_calendar


class Place(Protocol):
    """Where and when the broker appended a record."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...


def log_document(event: CloudEvent, place: Place, tier: str) -> dict[str, Any]:
    """The ``logs`` document of one request, as :mod:`daybook.storage.logs` says."""
    return {
        **_common(event, place),
        "tier": tier,
        "status": status_of(event.data.get("status_code")),
        **event.data,
        "refs": refs_of(event.data),
    }


def task_event_document(event: CloudEvent, place: Place, tier: str) -> dict[str, Any]:
    """The document of one event of a task, as :mod:`daybook.storage.task_events` says.

    Only its progress has a tier, and expires: the rest is kept for ever.
    """
    document = {**_common(event, place), "type": event.event.type, **event.data}
    if event.event is TaskProgressed:
        document["tier"] = tier
    return document


def webhook_event_document(
    event: CloudEvent, place: Place, tier: str
) -> dict[str, Any]:
    """The document of one webhook, as :mod:`daybook.storage.webhook_events` says."""
    return {**_common(event, place), "tier": tier, **event.data}


def _common(event: CloudEvent, place: Place) -> dict[str, Any]:
    """What the document of every event has."""
    received = in_calendar(place.timestamp)
    created, own = created_ms(event.time, received)
    document: dict[str, Any] = {
        "_id": f"{event.project_id}/{event.id}",
        "project_id": event.project_id,
        "id": event.id,
        "created_at": DatetimeMS(created),
        "received_at": DatetimeMS(received),
        "hour": hour_of(created),
        "source": event.source,
        "origin": {
            "topic": place.topic,
            "partition": place.partition,
            "offset": place.offset,
        },
    }
    if own is not None:
        document["event_time"] = DatetimeMS(own)
    if event.sequence is not None:
        document["sequence"] = event.sequence
    if event.traceparent is not None:
        document["traceparent"] = event.traceparent
    if event.extra is not None:
        document["extra"] = event.extra
    return document


# Where in the event's data each kind of reference stands.
_REFS: tuple[tuple[RefKind, str, str | None], ...] = (
    ("request", "request_id", None),
    ("endpoint", "endpoint", None),
    ("user", "user", "id"),
    ("email", "user", "email"),
    ("key", "api_key", "id"),
    ("key_name", "api_key", "name"),
    ("resource_type", "resource", "type"),
    ("resource", "resource", "id"),
    ("task", "task_id", None),
    ("import_file", "import_file_id", None),
)


def refs_of(data: dict[str, Any]) -> list[str]:
    """What the log is searched by."""
    refs: list[str] = []
    for kind, name, inner in _REFS:
        value: Any = data.get(name)
        if value and inner is not None:
            value = value.get(inner)
        if value:
            refs.append(ref(kind, value))
    return refs


def under_other_source(document: dict[str, Any]) -> dict[str, Any]:
    """The same document under the id that sets its source apart.

    For an event whose id another source used first: both are kept.
    """
    digest = sha256(document["source"].encode()).hexdigest()[:16]
    identity = f"{document['id']}~{digest}"
    return {
        **document,
        "_id": f"{document['project_id']}/{identity}",
        "id": identity,
    }
