"""Sendouts and endpoints as stored, for tests of what reads them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from daybook.storage.refs import RefKind, ref
from daybook.storage.times import hour_of, to_ms

Document = dict[str, Any]

_REFS: tuple[tuple[RefKind, str], ...] = (
    ("event", "event_id"),
    ("event_type", "event_type"),
    ("entity", "entity_id"),
    ("request", "group_id"),
    ("webhook_endpoint", "endpoint_id"),
)
_UNDELIVERED = ("RETRYING", "FAILED", "HELD")


def stored_attempt(number: int, started_at: datetime, **fields: Any) -> Document:
    """An attempt of a sendout's ``history``, answered with 200 unless told otherwise.

    ``error`` is {kind message status_code}; None leaves a field out.
    """
    values: Document = {
        "attempt": number,
        "trigger": "first" if number == 1 else "retry",
        "started_at": started_at,
        "duration_ms": 12.5,
        "status_code": 200,
        "request_headers": [["content-type", "application/json"]],
        "response_headers": [["server", "shop"]],
        "response_body": {"text": "ok", "encoding": "utf-8", "truncated": False},
        **fields,
    }
    return {name: value for name, value in values.items() if value is not None}


def stored_sendout(
    sendout_id: str,
    created_at: datetime,
    *history: Document,
    **fields: Any,
) -> Document:
    """A document of ``sendouts``; ``fields`` replace the defaults, None leaves one out.

    What follows from its history does, and it is SENT unless ``status`` says otherwise.
    """
    status: str = fields.get("status", "SENT")
    last = history[-1] if history else None
    waiting = status in ("SCHEDULED", "RETRYING")
    values: Document = {
        "project_id": "shop",
        "endpoint_id": "we_1",
        "event_id": f"event-{sendout_id}",
        "event_type": "voucher.created",
        "event_source_id": "shop/1",
        "event_created_at": created_at,
        "payload": '{"code":"SPRING-0001","amount":10.00}',
        "received_at": created_at,
        "origin": {"topic": "daybook.webhooks.v1", "partition": 0, "offset": 1},
        "created_at": created_at,
        "tier": "shared",
        "status": status,
        "attempts": len(history),
        "tries": len(history),
        "claim": len(history),
        "target_url": "https://example.com/hook" if history else None,
        "executed_at": last and last["started_at"],
        "last_error": last and last.get("error"),
        "trigger": "retry" if history else "first",
        "waiting": waiting or None,
        "failed": True if status in _UNDELIVERED else None,
        "next_attempt_at": created_at + timedelta(hours=1) if waiting else None,
        "settled_at": None if waiting else created_at,
        "history": list(history),
        **fields,
    }
    known = {name: value for name, value in values.items() if value is not None}
    return {
        **known,
        "_id": f"{known['project_id']}/{sendout_id}",
        "id": sendout_id,
        "hour": hour_of(to_ms(known["created_at"].astimezone(UTC))),
        "refs": [ref(kind, known[name]) for kind, name in _REFS if known.get(name)],
    }


def stored_endpoint(endpoint_id: str, created_at: datetime, **fields: Any) -> Document:
    """A document of ``webhook_endpoints``, with nothing sealed in it."""
    values: Document = {
        "project_id": "shop",
        "url": "https://example.com/hook",
        "event_types": ["*"],
        "active": True,
        "signature": "v1",
        "headers": [],
        "secrets": [],
        "retry_schedule_s": [60, 60],
        "max_in_flight": 10,
        "timeout_ms": 10_000,
        "created_at": created_at,
        "updated_at": created_at,
        **fields,
    }
    known = {name: value for name, value in values.items() if value is not None}
    return {**known, "_id": f"{known['project_id']}/{endpoint_id}", "id": endpoint_id}
