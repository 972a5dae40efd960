"""A stored log as the API and the pages show it: every name there, absent is null."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from daybook.runtime.mongo import Document
from daybook.storage.times import from_ms

Json = dict[str, Any]

_MESSAGE = ("content_type", "body_encoding", "body_size", "truncated")
_MESSAGE_WITH_BODY = ("headers", "content_type", "body", *_MESSAGE[1:])


def time_text(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and ``Z``."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def ms_text(ms: int | None) -> str | None:
    """The same of milliseconds since 1970."""
    return None if ms is None else time_text(from_ms(ms))


def log_shape(document: Document, *, whole: bool) -> Json:
    """The log; ``whole``: with the headers and bodies that lists leave out."""
    get = document.get
    message = _MESSAGE_WITH_BODY if whole else _MESSAGE
    shape: Json = {
        "object": "log",
        "id": document["id"],
        "project_id": document["project_id"],
        "created_at": time_text(document["created_at"]),
        "received_at": _time(get("received_at")),
        "request_id": get("request_id"),
        "status": get("status"),
        "status_code": get("status_code"),
        "method": get("method"),
        "endpoint": get("endpoint"),
        "url": get("url"),
        "channel": get("channel"),
        "duration_ms": get("duration_ms"),
        "user": _part(get("user"), ("id", "email")),
        "api_key": _part(get("api_key"), ("id", "name", "kind")),
        "client_ip": get("client_ip"),
        "user_agent": get("user_agent"),
        "request": _part(get("request"), message),
        "response": _part(get("response"), message),
        "task_id": get("task_id"),
        "import_file_id": get("import_file_id"),
        "resource": _part(get("resource"), ("type", "id")),
        "event_time": _event_time(get("event_time")),
        "source": get("source"),
        "sequence": get("sequence"),
        "traceparent": get("traceparent"),
        "origin": _part(get("origin"), ("topic", "partition", "offset")),
    }
    if whole:
        # JSON text: what the event held and this version has no name for.
        shape["extra"] = get("extra")
    return shape


def _time(value: datetime | None) -> str | None:
    return None if value is None else time_text(value)


def _event_time(value: datetime | str | None) -> str | None:
    # A producer's time that is no time at all is kept as it came.
    return value if isinstance(value, str) else _time(value)


def _part(value: object, names: tuple[str, ...]) -> Json | None:
    if not isinstance(value, Mapping):
        return None
    part = cast("Mapping[str, Any]", value)
    return {name: part.get(name) for name in names}
