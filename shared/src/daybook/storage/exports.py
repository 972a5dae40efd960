"""The ``exports`` collection: what was asked to be exported, and what became of it.

A document holds, beside ``_id`` (``PROJECT/ID``)::

    project_id id created_at updated_at status channel user_id? exported_object
    parameters{fields order filters response_format} request_id? traceparent?
    recorded?{url? object? rows? bytes?}
    claim claimed_by? leased_until? started_at? waiting?
    expected_rows? rows bytes cursor? keys?
    parts[{number claim rows bytes columns_bytes}] file?{name bytes}
    finished_at? expires_at? error?{message} cancelled? complete_until?
    announced? unannounced? unswept? has_files? deleted_at?

query inserts it for a person, the exporter for an event; from then on it is the
exporter's. ``request_id`` is that of the API request, or the id of the event;
``traceparent`` is theirs likewise: what is told of the export belongs to that trace.

``claim`` is 0 at first and raised by whoever takes the export; every later write names
``_id``, ``claim`` and IN_PROGRESS, and no ``deleted_at``: one that matches nothing
comes too late. ``waiting`` is true while SCHEDULED or IN_PROGRESS, else left out: what
the index of work holds.

``rows`` and ``bytes`` are those written so far, ``expected_rows`` those counted before,
where that was done in time. ``cursor`` and ``keys`` say where reading goes on, to the
reader alone. A part is an object (:func:`text_part`, :func:`columns_part`) that was put
whole before it was listed; ``file`` is the joined one of a PARQUET export.
``complete_until``: what was received from then on may be missing.

``announced`` is false from DONE or ERROR on until its events are acknowledged;
``unannounced`` is true meanwhile, else left out. ``unswept`` is true from then on until
objects that are not listed were removed once more, when no claim before the last can
still be at work. ``has_files`` is true from the first
part on until all are removed. ``cancelled``: it is ERROR because a person said so.
``deleted_at`` hides it from every reader; a day later it is purged.

``recorded`` is a file that a platform service made: DONE at once and announced, never
run, without parts.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from pymongo import IndexModel
from pymongo.asynchronous.collection import AsyncCollection

from daybook.events.traceparent import traceparent_of
from daybook.exports.parameters import Parameters, stored_parameters
from daybook.storage.indexes import ensure_indexes

ExportStatus = Literal["SCHEDULED", "IN_PROGRESS", "DONE", "ERROR"]
EXPORT_STATUSES: Final[tuple[ExportStatus, ...]] = (
    "SCHEDULED",
    "IN_PROGRESS",
    "DONE",
    "ERROR",
)

KEPT_FILES: Final = timedelta(days=90)
# What a worker that woke up late has still written is gone with it.
KEPT_TOMBSTONES: Final = timedelta(days=1)

EXPORTS_BY_TIME = "by_time"
EXPORTS_BY_STATUS = "by_status"
EXPORTS_TO_RUN = "to_run"
EXPORTS_UNANNOUNCED = "unannounced"
EXPORTS_UNSWEPT = "unswept"
EXPORTS_WITH_FILES = "with_files"
EXPORTS_DELETED = "deleted"

_NEWEST_FIRST = [("created_at", -1), ("_id", -1)]

EXPORT_INDEXES = (
    # The list.
    IndexModel([("project_id", 1), *_NEWEST_FIRST], name=EXPORTS_BY_TIME),
    # The list of one status, and the list by status.
    IndexModel(
        [("project_id", 1), ("status", 1), *_NEWEST_FIRST], name=EXPORTS_BY_STATUS
    ),
    # What a worker may take, the oldest first, and how much each project has running.
    IndexModel(
        [("status", 1), ("created_at", 1)],
        name=EXPORTS_TO_RUN,
        partialFilterExpression={"waiting": True},
    ),
    # The sweep for ends that nobody was told of.
    IndexModel(
        [("finished_at", 1)],
        name=EXPORTS_UNANNOUNCED,
        partialFilterExpression={"unannounced": True},
    ),
    # The sweep for what claims before the last one left behind.
    IndexModel(
        [("finished_at", 1)],
        name=EXPORTS_UNSWEPT,
        partialFilterExpression={"unswept": True},
    ),
    # The sweep for files whose time is over.
    IndexModel(
        [("expires_at", 1)],
        name=EXPORTS_WITH_FILES,
        partialFilterExpression={"has_files": True},
    ),
    # The sweep for what was deleted.
    IndexModel(
        [("deleted_at", 1)],
        name=EXPORTS_DELETED,
        partialFilterExpression={"deleted_at": {"$exists": True}},
    ),
)


async def ensure_exports(collection: AsyncCollection[dict[str, Any]]) -> None:
    """Create what is missing of the collection's indexes; safe to repeat."""
    await ensure_indexes(collection, EXPORT_INDEXES)


def new_export(
    project_id: str,
    export_id: str,
    parameters: Parameters,
    channel: str,
    user_id: str | None,
    created_at: datetime,
    request_id: str | None,
    traceparent: str | None = None,
) -> dict[str, Any]:
    """An export that waits to be run."""
    told = {
        "user_id": user_id,
        "request_id": request_id,
        "traceparent": traceparent_of(traceparent),
    }
    return {
        "_id": f"{project_id}/{export_id}",
        "project_id": project_id,
        "id": export_id,
        "created_at": created_at,
        "updated_at": created_at,
        "status": "SCHEDULED",
        "waiting": True,
        "channel": channel,
        "exported_object": parameters.exported_object,
        "parameters": stored_parameters(parameters),
        **{name: value for name, value in told.items() if value is not None},
        "claim": 0,
        "rows": 0,
        "bytes": 0,
        "parts": [],
    }


def folder_of(export: Mapping[str, Any]) -> str:
    """Where all objects of an export are, with a slash at its end."""
    return f"exports/{export['_id']}/"


def text_part(export: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    """The name of a part as CSV or NDJSON; PARQUET exports have none."""
    form = export["parameters"]["response_format"].lower()
    return f"{_part(export, part)}.{form}"


def columns_part(export: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    """The name of the same rows as Parquet: what is browsed."""
    return f"{_part(export, part)}.parquet"


def listed_objects(export: Mapping[str, Any]) -> set[str]:
    """The names of all that an export's document lists."""
    parts: list[Mapping[str, Any]] = export["parts"]
    listed = {columns_part(export, part) for part in parts}
    if export["parameters"].get("response_format") != "PARQUET":
        listed |= {text_part(export, part) for part in parts}
    if "file" in export:
        listed.add(export["file"]["name"])
    return listed


def joined_file(export: Mapping[str, Any], claim: int) -> str:
    """The name of a PARQUET export's file, as that claim joined it."""
    return f"{folder_of(export)}{claim}.parquet"


def _part(export: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    return f"{folder_of(export)}{part['claim']}-{part['number']:05d}"
