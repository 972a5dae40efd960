"""A stored task, its events and its failed rows, as the API and the pages show them."""

from collections.abc import Sequence

from daybook.runtime.mongo import Document

from query.shapes import Json, event_time, part, time_or_null, time_text
from query.tasks.failed_rows import COLUMNS

FINISHED = ("DONE", "FAILED")


def task_shape(document: Document) -> Json:
    """The task as lists show it: Voucherify's fields, then Daybook's own."""
    get = document.get
    return {
        "object": "async_action",
        "id": document["id"],
        "type": get("task_type"),
        "status": document["status"],
        "operation_status": get("operation_status"),
        "created_at": time_text(document["created_at"]),
        "updated_at": time_text(document["updated_at"]),
        "request_id": get("request_id"),
        "log_id": get("log_id"),
        "user": part(get("user"), ("id", "email")),
        # Voucherify's clients take nothing but whole numbers here.
        "processing_time": _whole(get("processing_time")),
        "progress": _whole(get("progress")),
        "project_id": document["project_id"],
        "import_file_id": get("import_file_id"),
        "stalled": bool(get("stalled")),
        "run": document["run"],
        "total": get("total"),
        "done_count": get("done_count"),
        "failed_count": get("failed_count"),
        "heartbeat_s": get("heartbeat_s"),
        "enqueued_at": time_or_null(get("enqueued_at")),
        "started_at": time_or_null(get("started_at")),
        "finished_at": time_or_null(get("finished_at")),
        "received_at": time_or_null(get("received_at")),
    }


def whole_task_shape(document: Document, failed: Sequence[Document]) -> Json:
    """The task with its result, which is null until its run has finished."""
    result: Json | None = None
    if document["status"] in FINISHED:
        result = {
            "message": document.get("message"),
            "done_count": document.get("done_count"),
            "failed_count": document.get("failed_count"),
            "failed": [_row(row) for row in failed],
            "errors": [],
            "reports": [],
            "reports_available_till": None,
        }
    return {**task_shape(document), "result": result}


def failed_row_shape(document: Document) -> Json:
    return {"object": "failed_row", **_row(document)}


def task_event_shape(document: Document) -> Json:
    """One event of a task's history, without the failed rows that it brought."""
    get = document.get
    return {
        "object": "task_event",
        "id": document["id"],
        "type": document["type"],
        "run": get("run", 1),
        "created_at": time_text(document["created_at"]),
        "received_at": time_or_null(get("received_at")),
        "event_time": event_time(get("event_time")),
        "source": get("source"),
        "sequence": get("sequence"),
        "task_id": document["task_id"],
        "task_type": get("task_type"),
        "request_id": get("request_id"),
        "log_id": get("log_id"),
        "user": part(get("user"), ("id", "email")),
        "import_file_id": get("import_file_id"),
        "heartbeat_s": get("heartbeat_s"),
        "total": get("total"),
        "done_count": get("done_count"),
        "failed_count": get("failed_count"),
        "progress": get("progress"),
        "outcome": get("outcome"),
        "operation_status": get("operation_status"),
        "message": (part(get("result"), ("message",)) or {}).get("message"),
        "traceparent": get("traceparent"),
        "origin": part(get("origin"), ("topic", "partition", "offset")),
    }


def _row(document: Document) -> Json:
    return {name: document["entry"].get(name) for name in COLUMNS}


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
