"""The detail of one export: how it is doing, what it holds, what can be done."""

from datetime import datetime
from typing import Any

from daybook.runtime.mongo import Document

from query.exports.shapes import EXPIRED, export_shape
from query.pages.asked import Asked
from query.pages.export_views import FINISHED, SHEET, Row, recorded_url
from query.pages.export_words import (
    field_word,
    filter_chips,
    filters_sentence,
    object_word,
    order_word,
)
from query.pages.forms import Fact, Pairs
from query.pages.links import (
    browse_page,
    export_file,
    export_page,
    logs_of_request,
    task_page,
)
from query.pages.text import long_duration
from query.shapes import Json

CANCELLED = "Somebody cancelled it: it was run no further, and has no file."


def export_detail(
    export: Document, pairs: Pairs, now: datetime, said: Asked | None
) -> dict[str, Any]:
    """What the template shows; ``said`` of what a form has just asked for."""
    shape = export_shape(export, lambda _: "", now)
    page = export_page(export["id"])
    parameters: Json = shape["parameters"]
    recorded = "recorded" in export
    has_file = shape["result"] is not None
    return {
        "row": Row(export, now, SHEET.address(pairs, export["id"])),
        "asked": said,
        "failure": _failure(export),
        "expired": EXPIRED if export["status"] == "DONE" and not has_file else None,
        "recorded": recorded,
        "elsewhere": recorded_url(export) if has_file else None,
        "file_href": export_file(export["id"]) if _ours(export, has_file) else None,
        "browse_href": browse_page(export["id"]) if has_file and not recorded else None,
        "cancel_action": f"{page}/cancel" if shape["status"] not in FINISHED else None,
        "again_action": _again(export, page),
        "delete_href": f"{page}/delete",
        # Nobody was told of it before.
        "task_href": (
            task_page(export["id"])
            if export.get("announced") and not recorded
            else None
        ),
        "log_href": _log(export),
        "fields": [(name, field_word(name)) for name in parameters["fields"]],
        "order": order_word(parameters["order"]) if parameters["order"] else None,
        "complete_until": shape["complete_until"],
        "facts": _facts(export, shape),
        **_selects(shape),
    }


def of_export(export: Document, now: datetime) -> dict[str, Any]:
    """The filters alone, for who browses its rows."""
    return _selects(export_shape(export, lambda _: "", now))


def _selects(shape: Json) -> dict[str, Any]:
    filters: Json = shape["parameters"]["filters"]
    what = object_word(shape["exported_object"]).lower()
    return {
        "sentence": filters_sentence(filters, what),
        "chips": filter_chips(filters),
    }


def _failure(export: Document) -> str | None:
    if export["status"] != "ERROR":
        return None
    if export.get("cancelled"):
        return CANCELLED
    error: Json = export.get("error") or {}
    return error.get("message") or "No reason was told."


def _ours(export: Document, has_file: bool) -> bool:
    """Whether its file is in Daybook's own storage."""
    recorded: Json | None = export.get("recorded")
    return has_file and (recorded is None or recorded.get("object") is not None)


def _again(export: Document, page: str) -> str | None:
    may = export["status"] in FINISHED and "recorded" not in export
    return f"{page}/again" if may else None


def _log(export: Document) -> str | None:
    # One that an event asked for has that event's id, and no log.
    asked_over_http = export.get("channel") == "API" and export.get("request_id")
    return logs_of_request(export["request_id"]) if asked_over_http else None


def _facts(export: Document, shape: Json) -> list[Fact]:
    """What is known about an export beside its state, in reading order."""
    row = Row(export, export["created_at"], "")
    found = SHEET.facts(
        [
            ("User", shape["user_id"], "user_id"),
            ("Request id", shape["request_id"], None),
            ("Created", shape["created_at"], None),
            ("Started", shape["started_at"], None),
            ("Finished", shape["finished_at"], None),
            ("Took", _took(export), None),
            ("File kept until", shape["expires_at"], None),
        ],
        {},
    )
    words = (
        ("Object", row.title, "exported_object", shape["exported_object"]),
        ("Format", row.format, "response_format", shape["response_format"]),
        ("Made by", row.channel, "channel", shape["channel"]),
    )
    return [
        Fact(label, word, SHEET.address([(name, value)]))
        for label, word, name, value in words
        if word
    ] + found


def _took(export: Document) -> str | None:
    started, finished = export.get("started_at"), export.get("finished_at")
    if not started or not finished:
        return None
    return long_duration((finished - started).total_seconds())
