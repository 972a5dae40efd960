"""Events and records for tests: valid ones, to be spoiled one piece at a time."""

import json
from dataclasses import dataclass, field
from typing import Any, Literal

DATA: dict[str, Any] = {
    "request_id": "req_1",
    "method": "POST",
    "url": "https://shop.example/v1/vouchers/A?x=1",
    "endpoint": "POST /v1/vouchers/{code}",
    "status_code": 201,
    "duration_ms": 12.5,
    "channel": "API",
    "user": {"id": "cust_1", "email": "Ann@Example.com"},
    "api_key": {"id": "key_1", "name": "server", "kind": "server"},
    "client_ip": "192.0.2.1",
    "user_agent": "curl/8",
    "request": {
        "headers": [["host", "shop.example"], ["accept", "*/*"]],
        "content_type": "application/json",
        "body": '{"code":"A","n":1.00}',
        "body_encoding": "utf-8",
        "body_size": 21,
        "truncated": False,
    },
    "response": {"headers": [], "body": "", "body_size": 0},
    "resource": {"type": "voucher", "id": "A"},
}

TaskKind = Literal["enqueued", "started", "progressed", "finished"]

# What the events of one task say: each what is known by then.
_TASK: dict[str, Any] = {
    "task_id": "task_1",
    "run": 1,
    "task_type": "VOUCHERS.IMPORT",
    "request_id": "req_1",
    "user": {"id": "cust_1", "email": "Ann@Example.com"},
    "total": 10,
}
TASK_DATA: dict[TaskKind, dict[str, Any]] = {
    "enqueued": _TASK,
    "started": _TASK | {"heartbeat_s": 30.0},
    "progressed": _TASK
    | {
        "heartbeat_s": 30.0,
        "done_count": 3,
        "failed_count": 1,
        "failed": [{"row": 4, "code": "A", "reason": "there is a voucher A already"}],
    },
    "finished": _TASK
    | {
        "done_count": 9,
        "failed_count": 1,
        "outcome": "DONE",
        "operation_status": "SUCCESS",
        "result": {"message": "9 of 10 vouchers imported"},
    },
}


def request_event(
    *, data: dict[str, Any] | None = None, **attributes: Any
) -> dict[str, Any]:
    """A valid request event; an attribute given as ``...`` is left out."""
    return _event(
        "daybook.request.completed.v1", "req_1", DATA | (data or {}), attributes
    )


def task_event(
    kind: TaskKind = "progressed",
    *,
    data: dict[str, Any] | None = None,
    **attributes: Any,
) -> dict[str, Any]:
    """A valid event of a task; a field or attribute given as ``...`` is left out.

    The subject is the task's id. The id is the same for every kind: give each event
    that is to count as one of its own.
    """
    fields = TASK_DATA[kind] | (data or {})
    return _event(f"daybook.task.{kind}.v1", fields["task_id"], fields, attributes)


def webhook_event(
    payload: str = '{"code":"A"}', *, data: dict[str, Any] | None = None, **attrs: Any
) -> bytes:
    """A valid webhook event as it stands in a record, its payload spelled like this."""
    fields = {"event_type": "voucher.created", "entity_id": "A", **(data or {})}
    event = _event("daybook.webhook.published.v1", ..., fields | {"payload": 0}, attrs)
    return json.dumps(event).replace('"payload": 0', f'"payload": {payload}').encode()


def _event(
    type: str, subject: Any, data: dict[str, Any], attributes: dict[str, Any]
) -> dict[str, Any]:
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": "evt_1",
        "source": "shop/1",
        "type": type,
        "time": "2026-11-24T04:00:00.123Z",
        "subject": subject,
        "datacontenttype": "application/json",
        "projectid": "demo",
        "sequence": 17,
        "data": data,
        **attributes,
    }
    event["data"] = {k: v for k, v in event["data"].items() if v is not ...}
    return {name: value for name, value in event.items() if value is not ...}


@dataclass(frozen=True)
class FakeRecord:
    """A Kafka record that was never on a broker."""

    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    key: bytes | None = None
    topic: str = "daybook.requests.v1"
    partition: int = 0
    offset: int = 0
    timestamp: int = field(default=1_795_000_000_000)


def record_of(event: Any, *headers: tuple[str, bytes | None]) -> FakeRecord:
    """A structured-mode record of an event."""
    content_type = ("content-type", b"application/cloudevents+json; charset=UTF-8")
    return FakeRecord(json.dumps(event).encode(), (content_type, *headers))
