"""An export as the API shows it: Voucherify's fields, then Daybook's own."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import orjson
from daybook.runtime.mongo import Document
from daybook.storage.exports import KEPT_FILES

from query.exports.estimates import Estimate
from query.shapes import Json, part, time_or_null, time_text

ENDED = ("DONE", "ERROR")
EXPIRED = f"The file was removed {KEPT_FILES.days} days after it was made."
# Of an export that is done: the address of its file.
LinkOf = Callable[[Document], str]


def export_shape(export: Document, link_of: LinkOf, now: datetime) -> Json:
    """The export; ``result`` is null until it is done, and once its file is gone."""
    get = export.get
    expires = expires_at(export)
    is_gone = expires is not None and expires <= now
    recorded: Json = get("recorded") or {}
    result: Json | None = None
    if export["status"] == "DONE" and not is_gone:
        result = {"url": recorded.get("url") or link_of(export)}
    return {
        "id": export["id"],
        "object": "export",
        "created_at": time_text(export["created_at"]),
        "status": export["status"],
        "channel": get("channel"),
        "exported_object": export["exported_object"],
        "parameters": _parameters(export["parameters"]),
        "result": result,
        "user_id": get("user_id"),
        "response_format": export["parameters"].get("response_format"),
        "project_id": export["project_id"],
        "request_id": get("request_id"),
        "progress": progress(export, now),
        "error": {"message": EXPIRED} if is_gone else part(get("error"), ("message",)),
        "cancelled": bool(get("cancelled")),
        "started_at": time_or_null(get("started_at")),
        "finished_at": time_or_null(get("finished_at")),
        "expires_at": time_or_null(expires),
        "complete_until": time_or_null(get("complete_until")),
    }


def estimate_shape(estimate: Estimate) -> Json:
    """How many rows an export would have."""
    return {
        "object": "export_estimate",
        "rows": estimate.rows,
        "at_least": estimate.at_least,
    }


def expires_at(export: Document) -> datetime | None:
    """When the file goes; None while there is none, or where it is not Daybook's."""
    if export["status"] != "DONE" or "recorded" in export:
        return None
    return export.get("expires_at") or export["finished_at"] + KEPT_FILES


def progress(export: Document, now: datetime) -> Json:
    """How far it is; the estimate goes on at the pace that it had."""
    rows, expected = export.get("rows", 0), export.get("expected_rows")
    percent: int | None = None
    finished_at: datetime | None = None
    started_at = export.get("started_at")
    if export["status"] == "DONE":
        percent = 100
    elif expected:
        # All but done: what is counted is more or less what there is.
        percent = min(99, rows * 100 // expected)
        if export["status"] == "IN_PROGRESS" and started_at and 0 < rows < expected:
            left = (now - started_at) * ((expected - rows) / rows)
            finished_at = now + max(left, timedelta())
    return {
        "rows": rows,
        "bytes": export.get("bytes", 0),
        "percent": percent,
        "finished_at_estimate": time_or_null(finished_at),
    }


def _parameters(stored: Mapping[str, Any]) -> Json:
    """Of a recorded export, what another service said of it, as far as it fits."""
    held: Mapping[str, Any] = stored
    if "recorded" in stored:
        told: object = orjson.loads(stored["recorded"])
        held = cast("Mapping[str, Any]", told) if isinstance(told, Mapping) else {}
    fields, order, filters = (held.get(name) for name in ("fields", "order", "filters"))
    return {
        "fields": fields if isinstance(fields, list) else [],
        "order": order if isinstance(order, str) else None,
        "filters": filters if isinstance(filters, Mapping) else {},
    }
