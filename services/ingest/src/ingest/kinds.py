"""What ingest stores: of each topic the events, their documents, their collection."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from daybook.events.base import Event
from daybook.events.catalog import events_of
from daybook.events.cloudevent import CloudEvent
from daybook.events.topics import REQUESTS, TASKS, WEBHOOKS
from daybook.storage.collections import LOGS, TASK_EVENTS, WEBHOOK_EVENTS
from daybook.storage.logs import ensure_logs
from daybook.storage.task_events import ensure_task_events
from daybook.storage.webhook_events import ensure_webhook_events
from pymongo.asynchronous.collection import AsyncCollection

from ingest.documents import (
    Place,
    log_document,
    task_event_document,
    webhook_event_document,
)
from ingest.settings import Settings

Ensure = Callable[
    [AsyncCollection[dict[str, Any]], Mapping[str, timedelta]], Awaitable[None]
]


@dataclass(frozen=True, slots=True)
class Kind:
    """How the events of one topic are stored."""

    topic: str
    events: tuple[type[Event], ...]
    collection: str
    document: Callable[[CloudEvent, Place, str], dict[str, Any]]
    ensure: Ensure


def kinds(settings: Settings) -> tuple[Kind, ...]:
    """Everything that ingest reads."""
    return (
        Kind(
            settings.requests_topic,
            events_of(REQUESTS),
            LOGS,
            log_document,
            ensure_logs,
        ),
        Kind(
            settings.tasks_topic,
            events_of(TASKS),
            TASK_EVENTS,
            task_event_document,
            ensure_task_events,
        ),
        Kind(
            settings.webhooks_topic,
            events_of(WEBHOOKS),
            WEBHOOK_EVENTS,
            webhook_event_document,
            ensure_webhook_events,
        ),
    )
