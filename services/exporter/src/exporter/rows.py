"""Stored documents as columns of values, one a field that was asked for.

Absent is None. Times are naive and in UTC, as the driver makes them fastest; JSON is
text. A body is the text that crossed the wire: base64 where it was bytes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import orjson
from daybook.runtime.mongo import Document
from daybook.webhooks.envelope import sendout_body

Column = list[Any]
# Of each document its value, in order.
Values = Callable[[Sequence[Document]], Column]
ATTEMPTS = "webhook_attempt"
HISTORY = "history"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a field's value comes from: what to read of a document, and how."""

    read: tuple[str, ...]
    values: Values


def projection(exported_object: str, fields: Sequence[str]) -> dict[str, int]:
    """What has to be read of a document, its key included."""
    sources = SOURCES[exported_object]
    names = {name for field in fields for name in sources[field].read}
    if exported_object == ATTEMPTS:
        # One attempt, of a sendout whose history is unwound.
        names = {"id", f"{HISTORY}.attempt", *(f"{HISTORY}.{one}" for one in names)}
    # A part of what is read whole would be a conflict.
    inner = {name for name in names if name.partition(".")[0] in names - {name}}
    return dict.fromkeys(sorted({"_id", "created_at"} | names - inner), 1)


def columns(
    exported_object: str, fields: Sequence[str], documents: Sequence[Document]
) -> list[Column]:
    """A column a field, in the asked order; a row a document."""
    sources = SOURCES[exported_object]
    if exported_object == ATTEMPTS:
        documents = [{**one[HISTORY], "sendout_id": one["id"]} for one in documents]
    return [sources[field].values(documents) for field in fields]


def _plain(name: str) -> Source:
    return Source((name,), lambda documents: [one.get(name) for one in documents])


def _inner(outer: str, name: str, *, whole: bool = False) -> Source:
    """A part of a part; ``whole``: what is around it is small, and read with it."""

    def values(documents: Sequence[Document]) -> Column:
        return [(one.get(outer) or _NOTHING).get(name) for one in documents]

    return Source((outer,) if whole else (f"{outer}.{name}",), values)


def _key_of_kind(kind: str) -> Source:
    def values(documents: Sequence[Document]) -> Column:
        keys = (one.get("api_key") or _NOTHING for one in documents)
        return [key.get("id") if key.get("kind") == kind else None for key in keys]

    return Source(("api_key",), values)


def _json(name: str, parts: tuple[str, ...]) -> Source:
    def text(value: Mapping[str, Any] | None) -> str | None:
        if value is None:
            return None
        return orjson.dumps({part: value.get(part) for part in parts}).decode()

    return Source((name,), lambda documents: [text(one.get(name)) for one in documents])


def _sent(documents: Sequence[Document]) -> Column:
    return [_envelope(one) for one in documents]


def _envelope(sendout: Document) -> str:
    aware = {name: sendout[name].replace(tzinfo=UTC) for name in _ENVELOPE_TIMES}
    body = sendout_body({**sendout, **aware}, sendout.get("target_url") or "")
    return body.decode()


_NOTHING: Mapping[str, Any] = {}
_ERROR = ("kind", "message", "status_code")
_ENVELOPE_TIMES = ("created_at", "event_created_at")
_ENVELOPE = (
    *("id", "project_id", "created_at", "endpoint_id", "target_url", "event_id"),
    *("event_type", "event_created_at", "entity_id", "group_id", "event_source"),
    "payload",
)

SOURCES: Mapping[str, Mapping[str, Source]] = {
    "api_log": {
        **{
            name: _plain(name)
            for name in (
                *("id", "created_at", "status", "request_id", "channel", "method"),
                *("endpoint", "url"),
            )
        },
        "user_email": _inner("user", "email", whole=True),
        "app_id": _key_of_kind("server"),
        "client_app_id": _key_of_kind("client"),
        "request_duration": Source(
            ("duration_ms",),
            lambda documents: [d.get("duration_ms") for d in documents],
        ),
        "request_body": _inner("request", "body"),
        "response_body": _inner("response", "body"),
    },
    "async_action": {
        **{
            name: _plain(name)
            for name in (
                *("id", "created_at", "updated_at", "status", "operation_status"),
                *("request_id", "progress", "processing_time", "done_count"),
                *("failed_count", "message"),
            )
        },
        "type": Source(
            ("task_type",), lambda documents: [d.get("task_type") for d in documents]
        ),
        "user_email": _inner("user", "email", whole=True),
    },
    "webhook_sendout": {
        **{
            name: _plain(name)
            for name in (
                *("id", "created_at", "executed_at", "status", "event_type"),
                *("event_id", "group_id", "entity_id", "endpoint_id", "target_url"),
                "attempts",
            )
        },
        "last_error": _json("last_error", _ERROR),
        "data": Source(_ENVELOPE, _sent),
    },
    ATTEMPTS: {
        **{
            name: _plain(name)
            for name in (
                *("sendout_id", "attempt", "trigger", "started_at", "duration_ms"),
                "status_code",
            )
        },
        "error": _json("error", _ERROR),
        "response_body": _inner("response_body", "text"),
    },
}
