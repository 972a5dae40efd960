"""Stored documents as columns of values, one a field that was asked for.

Absent is None. Times are naive and in UTC, as the driver makes them fastest; JSON is
text. A body is the text that crossed the wire: base64 where it was bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import orjson
from daybook.exports.objects import ATTEMPTS as HISTORY
from daybook.exports.objects import OBJECTS, Field
from daybook.runtime.mongo import Document
from daybook.webhooks.envelope import sendout_body

Column = list[Any]
# Of each document its value, in order.
Values = Callable[[Sequence[Document]], Column]
ATTEMPTS = "webhook_attempt"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands as it is, dotted; it counts where another has a value."""

    path: str
    only_where: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where a field's value comes from: what to read of a document, and how.

    ``place``: where it stands; None of what is put together.
    """

    read: tuple[str, ...]
    values: Values
    place: Place | None = None


def projection(exported_object: str, fields: Sequence[str]) -> dict[str, int]:
    """What has to be read of a document, its key included."""
    sources = SOURCES[exported_object]
    names = {name for field in fields for name in sources[field].read}
    if exported_object == ATTEMPTS:
        # One attempt, of a sendout whose history is unwound.
        names |= {"id", f"{HISTORY}.attempt"}
    # A part of what is read whole would be a conflict.
    inner = {name for name in names if name.partition(".")[0] in names - {name}}
    return dict.fromkeys(sorted({"_id", "created_at"} | names - inner), 1)


def columns(
    exported_object: str, fields: Sequence[str], documents: Sequence[Document]
) -> list[Column]:
    """A column a field, in the asked order; a row a document."""
    sources = SOURCES[exported_object]
    return [sources[field].values(documents) for field in fields]


def places(exported_object: str, fields: Sequence[str]) -> list[Place] | None:
    """Where all the fields stand; None where one of them is put together."""
    found = [SOURCES[exported_object][field].place for field in fields]
    there = [one for one in found if one is not None]
    return there if len(there) == len(found) else None


def _at(place: Place) -> Source:
    """A value that stands somewhere, at the top or one document deep or two."""
    *outer, name = place.path.split(".")

    def value(document: Mapping[str, Any]) -> Any:
        for one in outer:
            document = document.get(one) or _NOTHING
        return document.get(name)

    if not outer:
        return Source(
            (name,), lambda documents: [one.get(name) for one in documents], place
        )
    # What is around it is small, or read whole for another field.
    read = outer[0] if outer[0] in _READ_WHOLE else place.path
    if place.only_where is None:
        return Source(
            (read,), lambda documents: [value(one) for one in documents], place
        )
    there, wanted = _at(Place(place.only_where[0])), place.only_where[1]

    def values(documents: Sequence[Document]) -> Column:
        said = there.values(documents)
        return [
            value(one) if what == wanted else None
            for one, what in zip(documents, said, strict=True)
        ]

    return Source((read, *there.read), values, place)


def _source(field: Field) -> Source:
    return _at(Place(field.path, field.only_where))


def _json(path: str, parts: tuple[str, ...]) -> Source:
    def text(value: Mapping[str, Any] | None) -> str | None:
        if value is None:
            return None
        return orjson.dumps({part: value.get(part) for part in parts}).decode()

    stored = _at(Place(path))
    return Source(stored.read, lambda some: [text(one) for one in stored.values(some)])


def _sent(documents: Sequence[Document]) -> Column:
    return [_envelope(one) for one in documents]


def _envelope(sendout: Document) -> str:
    aware = {name: sendout[name].replace(tzinfo=UTC) for name in _ENVELOPE_TIMES}
    body = sendout_body({**sendout, **aware}, sendout.get("target_url") or "")
    return body.decode()


_NOTHING: Mapping[str, Any] = {}
_READ_WHOLE = frozenset({"user", "api_key"})
_ERROR = ("kind", "message", "status_code")
_ENVELOPE_TIMES = ("created_at", "event_created_at")
_ENVELOPE = (
    *("id", "project_id", "created_at", "endpoint_id", "target_url", "event_id"),
    *("event_type", "event_created_at", "entity_id", "group_id", "event_source"),
    "payload",
)
# What stands nowhere as it is shown.
_PUT_TOGETHER: Mapping[tuple[str, str], Source] = {
    ("webhook_sendout", "last_error"): _json("last_error", _ERROR),
    ("webhook_sendout", "data"): Source(_ENVELOPE, _sent),
    (ATTEMPTS, "error"): _json(f"{HISTORY}.error", _ERROR),
}

SOURCES: Mapping[str, Mapping[str, Source]] = {
    name: {
        field: _PUT_TOGETHER.get((name, field)) or _source(one.table[field])
        for field in one.fields
    }
    for name, one in OBJECTS.items()
}
