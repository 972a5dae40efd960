"""How a project's documents are walked, oldest first: what a move of tier does."""

from dataclasses import dataclass
from typing import Literal

from daybook.storage import collections
from daybook.storage.logs import BY_TIME
from daybook.storage.sendouts import SENDOUTS_BY_TIME
from daybook.storage.task_events import TASK_EVENTS_BY_TASK
from daybook.storage.webhook_events import WEBHOOK_EVENTS_BY_ARRIVAL


@dataclass(frozen=True, slots=True)
class TierWalk:
    """One collection, by an index that begins with ``project_id`` and ``by``.

    ``hour`` counts from 1970. A document's tier runs from ``expires_by``; one without
    it does not expire yet.
    """

    collection: str
    by: Literal["created_at", "received_at", "hour"]
    index: str
    expires_by: Literal["received_at", "settled_at"] = "received_at"


# What ingest stores.
EVENT_WALKS = (
    TierWalk(collections.LOGS, "created_at", BY_TIME),
    TierWalk(collections.WEBHOOK_EVENTS, "received_at", WEBHOOK_EVENTS_BY_ARRIVAL),
    TierWalk(collections.TASK_EVENTS, "hour", TASK_EVENTS_BY_TASK),
)
# What the webhook-dispatcher stores.
SENDOUT_WALKS = (
    TierWalk(collections.SENDOUTS, "created_at", SENDOUTS_BY_TIME, "settled_at"),
)
