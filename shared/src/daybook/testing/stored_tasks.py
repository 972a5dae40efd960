"""Tasks, their failed rows and their events as stored, for tests of what reads them."""

from datetime import UTC, datetime
from typing import Any

from daybook.storage.refs import RefKind, ref
from daybook.storage.tasks import LAST_PLACE
from daybook.storage.times import hour_of, to_ms

Document = dict[str, Any]

_REFS: tuple[tuple[RefKind, str, str | None], ...] = (
    ("request", "request_id", None),
    ("user", "user", "id"),
    ("email", "user", "email"),
    ("import_file", "import_file_id", None),
)
_OPERATION = {"DONE": "SUCCESS", "FAILED": "FAILED"}
_ORIGIN = {"topic": "daybook.tasks.v1", "partition": 0, "offset": 1}


def stored_task(task_id: str, created_at: datetime, **fields: Any) -> Document:
    """A document of ``tasks``; ``fields`` replace the defaults, None leaves one out.

    It is DONE unless ``status`` says otherwise, and what follows from the status does.
    """
    status = fields.get("status", "DONE")
    finished = status in ("DONE", "FAILED")
    values: Document = {
        "project_id": "shop",
        "created_at": created_at,
        "updated_at": created_at,
        "received_at": created_at,
        "origin": _ORIGIN,
        "run": 1,
        "status": status,
        "operation_status": _OPERATION.get(status, "UNKNOWN"),
        "progress": 100 if status == "DONE" else 0,
        "stalled": False,
        "task_type": "VOUCHERS.IMPORT",
        "request_id": f"req-{task_id}",
        "enqueued_at": created_at,
        "started_at": None if status == "ENQUEUED" else created_at,
        "finished_at": created_at if finished else None,
        "processing_time": 1200 if finished else None,
        **fields,
    }
    known = {name: value for name, value in values.items() if value is not None}
    failed = "FAILED" in (known["status"], known["operation_status"])
    return {
        **known,
        **({} if finished else {"unfinished": True}),
        **({"failed": True} if failed else {}),
        "_id": f"{known['project_id']}/{task_id}",
        "id": task_id,
        "hour": _hour(known["created_at"]),
        "refs": list(_refs(known)),
        "fold": {"whose": "the tracker's alone"},
    }


def stored_failed_row(task: Document, key: str, **entry: Any) -> Document:
    """A document of ``task_failed_rows``: a row of that task's run.

    ``entry`` holds ``row``, ``code``, ``source_id`` and ``reason``, as far as known.
    """
    return {
        "_id": {"task": task["_id"], "run": task["run"], "key": key},
        "task": task["_id"],
        "run": task["run"],
        "place": entry.get("row", LAST_PLACE),
        "entry": {"at": task["updated_at"], "event": "e", "n": 0, **entry},
    }


def stored_task_event(
    task: Document, event_id: str, kind: str, created_at: datetime, **fields: Any
) -> Document:
    """A document of ``task_events``; ``kind`` is ``enqueued``, ``started`` …"""
    values: Document = {
        "created_at": created_at,
        "received_at": created_at,
        "tier": "shared" if kind == "progressed" else None,
        "source": "shop/1",
        "sequence": 1,
        "origin": _ORIGIN,
        "run": task["run"],
        **fields,
    }
    known = {name: value for name, value in values.items() if value is not None}
    return {
        **known,
        "_id": f"{task['project_id']}/{event_id}",
        "project_id": task["project_id"],
        "id": event_id,
        "type": f"daybook.task.{kind}.v1",
        "task_id": task["id"],
        "hour": _hour(known["created_at"]),
    }


def _hour(moment: datetime) -> int:
    return hour_of(to_ms(moment.astimezone(UTC)))


def _refs(known: Document) -> list[str]:
    found: list[str] = []
    for kind, name, inner in _REFS:
        value = known.get(name)
        if inner is not None and value is not None:
            value = value.get(inner)
        if value is not None:
            found.append(ref(kind, value))
    return found
