"""A webhook, as its host tells of it: from what Python holds to JSON, once."""

import json
from datetime import datetime
from typing import Any, TypedDict

import orjson

from daybook.events.base import ApiKey, User
from daybook.events.webhook import EventSource, WebhookPublished


class WebhookLinks(TypedDict, total=False):
    """What may be said of a webhook beside its type and payload."""

    entity_id: str | None
    group_id: str | None
    channel: str | None
    user: User | None
    api_key: ApiKey | None
    project_id: str | None
    time: datetime | None
    traceparent: str | None


def webhook_event(
    event_type: str, payload: Any, links: WebhookLinks
) -> WebhookPublished:
    """The event; raises ``ValueError`` or ``TypeError`` for what is no JSON."""
    source = EventSource(
        channel=links.get("channel"),
        user=links.get("user"),
        api_key=links.get("api_key"),
    )
    return WebhookPublished(
        event_type=event_type,
        entity_id=links.get("entity_id"),
        group_id=links.get("group_id"),
        event_source=None if source == EventSource() else source,
        payload=json_text(payload),
    )


def json_text(payload: Any) -> str:
    """JSON text; bytes are JSON already, and stay as they are.

    Times, UUIDs, enums and dataclasses are written as orjson writes them.
    """
    if isinstance(payload, bytes):
        return payload.decode()
    try:
        return orjson.dumps(payload).decode()
    except TypeError:
        # Integers beyond 64 bits, lone surrogates and keys that are no strings.
        return json.dumps(payload, allow_nan=False, separators=(",", ":"))
