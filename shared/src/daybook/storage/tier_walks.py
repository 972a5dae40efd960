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

    ``hour`` counts from 1970. No document is more than
    :data:`~daybook.storage.times.FURTHEST_AHEAD_MS` younger by ``by`` than by the time
    that its tier counts from. ``at_once`` are stamped in one transaction, which other
    writes of the same documents wait for.
    """

    collection: str
    by: Literal["created_at", "received_at", "hour"]
    index: str
    at_once: int = 500


# What ingest stores, and nobody changes.
EVENT_WALKS = (
    TierWalk(collections.LOGS, "created_at", BY_TIME),
    TierWalk(collections.WEBHOOK_EVENTS, "received_at", WEBHOOK_EVENTS_BY_ARRIVAL),
    TierWalk(collections.TASK_EVENTS, "hour", TASK_EVENTS_BY_TASK),
)
# What the webhook-dispatcher stores, and goes on writing while it delivers.
SENDOUT_WALKS = (
    TierWalk(collections.SENDOUTS, "created_at", SENDOUTS_BY_TIME, at_once=100),
)
