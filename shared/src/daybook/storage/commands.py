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
"""

from datetime import timedelta
from typing import Any, Literal

from pymongo import IndexModel
from pymongo.asynchronous.collection import AsyncCollection

from daybook.storage.indexes import ensure_indexes

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
]
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
    return EXPORTER if kind.startswith("export.") else WEBHOOK_DISPATCHER


async def ensure_commands(collection: AsyncCollection[dict[str, Any]]) -> None:
    """Create what is missing of the collection's indexes; safe to repeat."""
    await ensure_indexes(collection, COMMAND_INDEXES)
