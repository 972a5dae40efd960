"""A fold as one update of a task's document: merged, then everything else derived.

It is an aggregation pipeline, evaluated by the server under the document's lock: two
trackers at once lose nothing, and what is derived is derived from what both have said.
"""

from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from daybook.runtime.mongo import Document
from daybook.storage.times import MS_PER_HOUR, from_ms
from pymongo import UpdateOne

from task_tracker.fold import COUNTERS, FACTS, FINISHED, Said, TaskFold

Expression = dict[str, Any]


def update_of(fold: TaskFold) -> UpdateOne:
    """Merge ``fold`` into the task; safe to repeat, and in any order."""
    return UpdateOne({"_id": fold.key}, [_merge(fold), *_DERIVE], upsert=True)


def _merge(fold: TaskFold) -> Document:
    received, topic, partition, offset = fold.latest
    latest = {
        "received_at": from_ms(received),
        "topic": topic,
        "partition": partition,
        "offset": offset,
    }
    merged: Document = {
        "project_id": _literal(fold.project_id),
        "id": _literal(fold.task_id),
        "created_at": {"$min": ["$created_at", from_ms(fold.created_ms)]},
        "updated_at": {"$max": ["$updated_at", from_ms(fold.updated_ms)]},
        "fold.latest": _greatest("latest", latest),
        # A sign of life that is new ends a stall; one that was known does not.
        "stalled": {"$and": ["$stalled", {"$gte": ["$fold.latest", _literal(latest)]}]},
    }
    for name, said in fold.said.items():
        merged[f"fold.{name}"] = _greatest(name, _said(said))
    if fold.user is not None:
        run, identity, email = fold.user
        user = {"r": run, "id": identity, "email": email}
        merged["fold.user"] = _greatest("user", user)
    if fold.finish is not None:
        run, at, event_id, outcome, status, has_message, message = fold.finish
        finish: Document = {
            "r": run,
            "at": from_ms(at),
            "event": event_id,
            "outcome": outcome,
            "status": status,
        }
        if has_message:
            finish["message"] = message
        merged["fold.finish"] = _greatest("finish", finish)
    known: Expression = {"$ifNull": ["$refs", []]}
    merged["refs"] = (
        {"$setUnion": [known, _literal(sorted(fold.refs))]} if fold.refs else known
    )
    return {"$set": merged}


def _said(said: Said) -> Document:
    return {"r": said[0], "v": said[1]}


def _greatest(name: str, value: Document) -> Expression:
    # Documents compare by their fields in order: the run first, then the value.
    return {"$max": [f"$fold.{name}", _literal(value)]}


def _literal(value: Any) -> Expression:
    # What strangers wrote may look like an expression.
    return {"$literal": value}


def _of_run(name: str, value: Any) -> Expression:
    """``value`` where the latest run has said it, else no such field."""
    same = {"$eq": [f"$fold.{name}.r", "$fold.stage.r"]}
    return {"$cond": [same, value, "$$REMOVE"]}


def _time(name: str) -> Expression:
    negated = {"$multiply": [f"$fold.{name}.v", -1]}
    # Long: the server makes no date of a small integer.
    return _of_run(name, {"$toDate": {"$toLong": negated}})


def _if(condition: Expression, value: Any) -> Expression:
    return {"$cond": [condition, value, "$$REMOVE"]}


_IS_FINISHED = {"$eq": ["$fold.stage.v", FINISHED]}
_IS_RUNNING = {"$eq": ["$status", "IN_PROGRESS"]}

# What the fold says, by the names that others read.
_READABLE: Document = {
    "run": "$fold.stage.r",
    "received_at": "$fold.latest.received_at",
    "origin": {
        name: f"$fold.latest.{name}" for name in ("topic", "partition", "offset")
    },
    "hour": {
        "$toLong": {"$floor": {"$divide": [{"$toLong": "$created_at"}, MS_PER_HOUR]}}
    },
    "status": {
        "$switch": {
            "branches": [
                {"case": _IS_FINISHED, "then": "$fold.finish.outcome"},
                {"case": {"$gt": ["$fold.stage.v", 0]}, "then": "IN_PROGRESS"},
            ],
            "default": "ENQUEUED",
        }
    },
    "operation_status": {"$cond": [_IS_FINISHED, "$fold.finish.status", "UNKNOWN"]},
    "message": _if(_IS_FINISHED, "$fold.finish.message"),
    "finished_at": _if(_IS_FINISHED, "$fold.finish.at"),
    "enqueued_at": _time("enqueued"),
    "started_at": _time("started"),
    "user": _if(
        {"$gt": ["$fold.user", None]},
        {
            name: _if({"$ne": [f"$fold.user.{name}", ""]}, f"$fold.user.{name}")
            for name in ("id", "email")
        },
    ),
    **{name: _of_run(name, f"$fold.{name}.v") for name in COUNTERS},
    **{name: f"$fold.{name}.v" for name in FACTS},
}

_COUNTED = {
    "$add": [{"$ifNull": [f"${name}", 0]} for name in ("done_count", "failed_count")]
}
_BY_COUNT = {
    "$cond": [
        {"$gt": ["$total", 0]},
        {"$floor": {"$divide": [{"$multiply": [_COUNTED, 100.0]}, "$total"]}},
        0,
    ]
}
# What follows from that.
_DERIVED: Document = {
    "progress": {
        "$cond": [
            {"$eq": ["$status", "DONE"]},
            100,
            {
                "$toInt": {
                    "$min": [100, {"$max": [{"$ifNull": ["$progress", 0]}, _BY_COUNT]}]
                }
            },
        ]
    },
    "processing_time": _if(
        {"$and": [{"$gt": ["$finished_at", None]}, {"$gt": ["$started_at", None]}]},
        {"$max": [{"$toLong": 0}, {"$subtract": ["$finished_at", "$started_at"]}]},
    ),
    "stalled": {"$and": ["$stalled", _IS_RUNNING]},
    "stalls_at": _if(
        {"$and": [_IS_RUNNING, {"$not": ["$stalled"]}, {"$gt": ["$heartbeat_s", 0]}]},
        {"$add": ["$received_at", {"$multiply": ["$heartbeat_s", 1000]}]},
    ),
    "unfinished": _if({"$not": [_IS_FINISHED]}, True),
    "failed": _if({"$in": ["FAILED", ["$status", "$operation_status"]]}, True),
}

# The same for every task: encoded once.
_DERIVE = [
    RawBSONDocument(bson.encode({"$set": stage})) for stage in (_READABLE, _DERIVED)
]
