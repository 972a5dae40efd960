"""What a receiver gets: the payload, byte for byte, and what is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

_EVENT_SOURCE: Final = ("channel", "user", "api_key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """An event as it was published."""

    id: str
    type: str
    created_at: datetime
    payload: bytes  # JSON, as its publisher spelled it
    entity_id: str | None = None
    group_id: str | None = None
    event_source: Mapping[str, Any] | None = None


def envelope(
    event: Published,
    *,
    sendout_id: str,
    project_id: str,
    created_at: datetime,
    endpoint_id: str,
    target_url: str,
) -> bytes:
    """The body of a sendout's requests, in JSON.

    The payload's bytes stand in it untouched: no number, key order or duplicate key
    changes. ``created_at`` is the sendout's.
    """
    before: dict[str, Any] = {
        "id": sendout_id,
        "type": event.type,
        "timestamp": _time(event.created_at),
        "created_at": _time(created_at),
        "project_id": project_id,
    }
    given = event.event_source or {}
    after: dict[str, Any] = {
        "source": {
            "id": endpoint_id,
            "object": "webhook_endpoint",
            "target_url": target_url,
        },
        "event": {
            "id": event.id,
            "type": event.type,
            "created_at": _time(event.created_at),
            "entity_id": event.entity_id,
            "group_id": event.group_id,
            "event_source": {name: given.get(name) for name in _EVENT_SOURCE},
        },
    }
    return b'%b,"data":%b,%b' % (
        orjson.dumps(before)[:-1],
        event.payload,
        orjson.dumps(after)[1:],
    )


def sendout_body(sendout: Mapping[str, Any], target_url: str) -> bytes:
    """The envelope of a sendout as :mod:`daybook.storage.sendouts` has it."""
    return envelope(
        Published(
            id=sendout["event_id"],
            type=sendout["event_type"],
            created_at=sendout["event_created_at"],
            payload=sendout["payload"].encode(),
            entity_id=sendout.get("entity_id"),
            group_id=sendout.get("group_id"),
            event_source=sendout.get("event_source"),
        ),
        sendout_id=sendout["id"],
        project_id=sendout["project_id"],
        created_at=sendout["created_at"],
        endpoint_id=sendout["endpoint_id"],
        target_url=target_url,
    )


def _time(moment: datetime) -> str:
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
