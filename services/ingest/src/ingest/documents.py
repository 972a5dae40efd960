"""A request event as the document that is stored of it."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Protocol

from bson.datetime_ms import DatetimeMS
from daybook.events.cloudevent import CloudEvent
from daybook.storage.logs import status_of
from daybook.storage.refs import RefKind, ref
from daybook.storage.times import hour_of, to_ms

# A producer's clock may run this far ahead before it is set aside.
FURTHEST_AHEAD_MS = 5 * 60_000

_EARLIEST_MS = to_ms(datetime.min.replace(tzinfo=UTC))
_LATEST_MS = to_ms(datetime.max.replace(tzinfo=UTC))


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
    data = event.data
    received = place.timestamp
    created = received if event.time is None else event_ms(event.time)
    document: dict[str, Any] = {
        "_id": f"{event.project_id}/{event.id}",
        "project_id": event.project_id,
        "id": event.id,
        "received_at": DatetimeMS(received),
        "tier": tier,
        "status": status_of(data.get("status_code")),
        **data,
        "source": event.source,
        "origin": {
            "topic": place.topic,
            "partition": place.partition,
            "offset": place.offset,
        },
        "refs": refs_of(data),
    }
    if created > received + FURTHEST_AHEAD_MS:
        document["event_time"] = DatetimeMS(created)
        created = received
    document["created_at"] = DatetimeMS(created)
    document["hour"] = hour_of(created)
    if event.sequence is not None:
        document["sequence"] = event.sequence
    if event.traceparent is not None:
        document["traceparent"] = event.traceparent
    if event.extra is not None:
        document["extra"] = event.extra
    return document


def event_ms(time: datetime) -> int:
    """Milliseconds since 1970 of an event's time; one without an offset is in UTC."""
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    # An offset may carry the first and last hours of the calendar out of it.
    return min(max(to_ms(time), _EARLIEST_MS), _LATEST_MS)


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
