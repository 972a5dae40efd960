"""Log documents as ingest stores them, for tests of what reads them."""

from datetime import UTC, datetime
from typing import Any

from daybook.storage.logs import status_of
from daybook.storage.refs import RefKind, ref
from daybook.storage.times import hour_of, to_ms

Document = dict[str, Any]

_REFS: tuple[tuple[RefKind, str, str | None], ...] = (
    ("request", "request_id", None),
    ("user", "user", "id"),
    ("email", "user", "email"),
    ("key", "api_key", "id"),
    ("key_name", "api_key", "name"),
    ("resource_type", "resource", "type"),
    ("resource", "resource", "id"),
    ("task", "task_id", None),
    ("import_file", "import_file_id", None),
    ("endpoint", "endpoint", None),
)


def stored_log(log_id: str, created_at: datetime, **fields: Any) -> Document:
    """A log document; ``fields`` replace the defaults, and None leaves one out."""
    values: Document = {
        "project_id": "shop",
        "created_at": created_at,
        "received_at": created_at,
        "tier": "shared",
        "request_id": f"req-{log_id}",
        "method": "GET",
        "endpoint": "GET /v1/orders/{id}",
        "url": f"https://shop.example/v1/orders/{log_id}",
        "status_code": 200,
        "channel": "API",
        "duration_ms": 12.3,
        "source": "shop/1",
        "origin": {"topic": "daybook.requests.v1", "partition": 0, "offset": 1},
        **fields,
    }
    known = {name: value for name, value in values.items() if value is not None}
    return {
        **known,
        "_id": f"{known['project_id']}/{log_id}",
        "id": log_id,
        "hour": hour_of(to_ms(known["created_at"].astimezone(UTC))),
        "status": status_of(known.get("status_code")),
        "refs": list(_refs(known)),
    }


def _refs(known: Document) -> list[str]:
    found: list[str] = []
    for kind, name, inner in _REFS:
        value = known.get(name)
        if inner is not None and value is not None:
            value = value.get(inner)
        if value is not None:
            found.append(ref(kind, value))
    return found
