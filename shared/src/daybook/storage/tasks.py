"""Tasks as the task-tracker stores them: a document a task, and its failed rows.

A document of ``tasks`` holds, beside ``_id`` (``PROJECT/TASK_ID``)::

    project_id id created_at updated_at hour received_at origin{topic partition offset}
    run status operation_status progress stalled
    task_type? request_id? log_id? user{id email}? import_file_id? heartbeat_s?
    total? done_count? failed_count? message? processing_time?
    enqueued_at? started_at? finished_at? stalls_at? unfinished? failed? refs fold

``created_at`` is the time of its earliest event and ``updated_at`` of its latest;
``received_at`` and ``origin`` are those of the event that the broker had last.
Counters, ``message``, ``processing_time`` (ms) and the three times are of the latest
``run``. ``progress`` is 0 to 100. ``unfinished`` and ``failed`` are true or left out:
what two partial indexes hold. ``refs`` are those of :mod:`daybook.storage.refs`.
``fold`` is the tracker's own: nobody else reads it. Tasks are kept for ever.

A document of ``task_failed_rows`` holds ``_id`` {task run key}, ``task`` (the task's
``_id``), ``run``, ``place`` (the row's number, those without one last) and ``entry``
{at event n row? code? source_id? reason?}: of each run the 1,000 lowest, of which only
those of the task's run count.
"""

from typing import Any, Literal

from pymongo import IndexModel
from pymongo.asynchronous.collection import AsyncCollection

from daybook.storage.indexes import ensure_indexes

TaskStatus = Literal["ENQUEUED", "IN_PROGRESS", "DONE", "FAILED"]
STATUSES: tuple[TaskStatus, ...] = ("ENQUEUED", "IN_PROGRESS", "DONE", "FAILED")

# Caps what one task costs; the rest of its failed rows is known by their number.
MOST_FAILED_ROWS = 1_000
# The place of a failed row without a number.
LAST_PLACE = 2**63 - 1

TASKS_BY_TIME = "by_time"
TASKS_BY_TYPE = "by_type"
TASKS_BY_REF = "by_ref"
UNFINISHED_BY_TIME = "unfinished_by_time"
FAILED_BY_TIME = "failed_by_time"
STALLING = "stalling"
FAILED_ROWS_BY_PLACE = "by_place"

_NEWEST_FIRST = [("created_at", -1), ("_id", -1)]

# Each index is paid by every write that changes what it holds, so none holds a counter,
# and each names what it serves.
TASK_INDEXES = (
    # The list.
    IndexModel([("project_id", 1), *_NEWEST_FIRST], name=TASKS_BY_TIME),
    # The list of one type: types are few, a rare one is found at once.
    IndexModel(
        [("project_id", 1), ("task_type", 1), *_NEWEST_FIRST], name=TASKS_BY_TYPE
    ),
    # All of one user, request or import file, hour by hour from the newest.
    IndexModel(
        [("project_id", 1), ("hour", -1), ("refs", 1), *_NEWEST_FIRST],
        name=TASKS_BY_REF,
    ),
    # What waits, runs or is stalled: few beside what is done.
    IndexModel(
        [("project_id", 1), *_NEWEST_FIRST],
        name=UNFINISHED_BY_TIME,
        partialFilterExpression={"unfinished": True},
    ),
    # What failed, by status or by operation status.
    IndexModel(
        [("project_id", 1), *_NEWEST_FIRST],
        name=FAILED_BY_TIME,
        partialFilterExpression={"failed": True},
    ),
    # The sweep for stalled tasks: only those that run and promised a sign of life.
    IndexModel(
        [("stalls_at", 1)],
        name=STALLING,
        partialFilterExpression={"stalls_at": {"$exists": True}},
    ),
)
# A task's failed rows in order, and the end of those that are kept.
FAILED_ROW_INDEXES = (
    IndexModel(
        [("task", 1), ("run", 1), ("place", 1), ("_id", 1)], name=FAILED_ROWS_BY_PLACE
    ),
)


async def ensure_tasks(
    tasks: AsyncCollection[dict[str, Any]],
    failed_rows: AsyncCollection[dict[str, Any]],
) -> None:
    """Create what is missing of both collections' indexes; safe to repeat."""
    await ensure_indexes(tasks, TASK_INDEXES)
    await ensure_indexes(failed_rows, FAILED_ROW_INDEXES)
