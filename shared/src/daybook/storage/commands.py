"""Commands: what a person asked for, stored before it is answered.

A document of ``commands`` holds, beside ``_id`` (``PROJECT/ID``)::

    project_id id kind service parameters status created_at message? task_id?
    finished_at? claim leased_until? traceparent?

query inserts it (``status`` ACCEPTED, ``claim`` 0) with majority; the service that it
names claims it, does it, and sets DONE or FAILED. Doing it twice does no more than
doing it once: a claim whose owner died is taken over. ``traceparent`` is that of the
API request: what is published meanwhile belongs to its trace.

The dispatcher's kinds and their parameters::

    sendout.retry      sendout_id
    sendouts.retry     filter count? (filter: daybook.storage.sendout_filters;
                       count: left out where there are more than query counts)
    endpoint.test      endpoint_id sendout_id
    endpoint.enable    endpoint_id
    endpoint.disable   endpoint_id reason
    endpoint.replay    endpoint_id since include_sent
    endpoint.delete    endpoint_id

and the exporter's::

    export.cancel      export_id
    export.delete      export_id

and, of a project that was moved to another tier, ingest's and the dispatcher's::

    events.move_tier    tier former (the tier that the project had)
    sendouts.move_tier  tier former

which hold how far they are in ``progress``: {moved sweep until at{COLLECTION: position}
session}.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from pymongo import IndexModel
from pymongo.asynchronous.collection import AsyncCollection

from daybook.storage.indexes import ensure_indexes
from daybook.storage.times import from_ms, to_ms

CommandStatus = Literal["ACCEPTED", "DONE", "FAILED"]
CommandKind = Literal[
    "sendout.retry",
    "sendouts.retry",
    "endpoint.test",
    "endpoint.enable",
    "endpoint.disable",
    "endpoint.replay",
    "endpoint.delete",
    "export.cancel",
    "export.delete",
    "events.move_tier",
    "sendouts.move_tier",
]
MOVE_EVENTS: Final = "events.move_tier"
MOVE_SENDOUTS: Final = "sendouts.move_tier"
INGEST = "ingest"
# What a move of tier says that a later one of the same project has ended.
REPLACED: Final = "the project was moved again: that move takes its place"
WEBHOOK_DISPATCHER = "webhook-dispatcher"
EXPORTER = "exporter"

KEPT = timedelta(days=30)
COMMANDS_TO_DO = "to_do"

COMMAND_INDEXES = (
    # What a service has to do, the oldest first.
    IndexModel(
        [("service", 1), ("created_at", 1)],
        name=COMMANDS_TO_DO,
        partialFilterExpression={"status": "ACCEPTED"},
    ),
    IndexModel(
        [("created_at", 1)],
        name="ttl",
        expireAfterSeconds=int(KEPT.total_seconds()),
    ),
)


def service_of(kind: CommandKind) -> str:
    """The service that carries out commands of this kind."""
    if kind.startswith("export."):
        return EXPORTER
    return INGEST if kind == MOVE_EVENTS else WEBHOOK_DISPATCHER


def command_document(
    project_id: str,
    command_id: str,
    kind: CommandKind,
    parameters: Mapping[str, Any],
    created_at: datetime,
) -> dict[str, Any]:
    """A command for the service that its kind names, as it is stored first."""
    return {
        "_id": f"{project_id}/{command_id}",
        "project_id": project_id,
        "id": command_id,
        "kind": kind,
        "service": service_of(kind),
        "parameters": dict(parameters),
        "status": "ACCEPTED",
        "claim": 0,
        "created_at": from_ms(to_ms(created_at)),
    }


async def ensure_commands(collection: AsyncCollection[dict[str, Any]]) -> None:
    """Create what is missing of the collection's indexes; safe to repeat."""
    await ensure_indexes(collection, COMMAND_INDEXES)
