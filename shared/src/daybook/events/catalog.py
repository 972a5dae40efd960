"""Every event of Daybook, by its type: the one place that lists them."""

from typing import Any

from daybook.events.base import Event
from daybook.events.delivery import DeliveryAttempted
from daybook.events.export import ExportRecorded, ExportRequested
from daybook.events.request import RequestCompleted
from daybook.events.task import (
    TaskEnqueued,
    TaskFinished,
    TaskProgressed,
    TaskStarted,
)
from daybook.events.webhook import WebhookPublished

EVENTS: dict[str, type[Event]] = {
    event.type: event
    for event in (
        RequestCompleted,
        TaskEnqueued,
        TaskStarted,
        TaskProgressed,
        TaskFinished,
        WebhookPublished,
        ExportRequested,
        ExportRecorded,
        DeliveryAttempted,
    )
}


def events_of(topic: str) -> tuple[type[Event], ...]:
    """The events that a topic carries."""
    return tuple(event for event in EVENTS.values() if event.topic == topic)


def json_schema(event: type[Event]) -> dict[str, Any]:
    """The JSON Schema of the event's ``data``."""
    schema = event.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:daybook:schema:{event.type}",
        **schema,
    }
