"""A task's document by the plain words of its promise, slowly: what a tracker's equals.

Written from what is promised and from nothing of the tracker: all events of one task at
once, sorted and looked through.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from math import floor
from typing import Any

from daybook.storage.refs import ref
from daybook.storage.times import from_ms

Json = dict[str, Any]

_RANKS = {"enqueued": 0, "started": 1, "progressed": 1, "finished": 2}
_COUNTERS = ("done_count", "failed_count", "progress")
_FACTS = ("task_type", "request_id", "log_id", "import_file_id", "heartbeat_s", "total")


class Told:
    """One event as it was published, and the record that the broker made of it."""

    def __init__(self, event: Json, record: Any) -> None:
        self.id: str = event["id"]
        self.project_id: str = event["projectid"]
        self.kind: str = event["type"].split(".")[2]
        self.data: Json = event["data"]
        self.run: int = self.data.get("run", 1)
        self.received = from_ms(record.timestamp)
        self.place = (record.timestamp, record.topic, record.partition, record.offset)
        self.at = _created(event.get("time"), self.received)


def _created(time: str | None, received: datetime) -> datetime:
    if time is None:
        return received
    at = datetime.fromisoformat(time).astimezone(UTC)
    if at > received + timedelta(minutes=5):
        return received
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def reference_fold(told: Sequence[Told]) -> Json:
    """The document of the task that all these events are of, but for ``fold``.

    ``stalled`` is as no sweep has looked yet, and ``refs`` are sorted.
    """
    run = max(event.run for event in told)
    mine = [event for event in told if event.run == run]
    latest = max(told, key=lambda event: event.place)
    first = told[0]
    task_id = first.data["task_id"]
    document: Json = {
        "_id": f"{first.project_id}/{task_id}",
        "project_id": first.project_id,
        "id": task_id,
        "created_at": min(event.at for event in told),
        "updated_at": max(event.at for event in told),
        "received_at": latest.received,
        "origin": dict(
            zip(("topic", "partition", "offset"), latest.place[1:], strict=True)
        ),
        "run": run,
        "stalled": False,
        **_counters(mine),
        **_facts(told),
        **_state(mine),
        "refs": sorted(_refs(told)),
    }
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    document["hour"] = (document["created_at"] - epoch) // timedelta(hours=1)
    document["progress"] = _progress(document)
    if document["status"] == "IN_PROGRESS" and "heartbeat_s" in document:
        patience = timedelta(milliseconds=round(document["heartbeat_s"] * 1000))
        document["stalls_at"] = document["received_at"] + patience
    return document


def _counters(mine: Sequence[Told]) -> Json:
    counters: Json = {}
    for name in _COUNTERS:
        said = [event.data[name] for event in mine if name in event.data]
        if said:
            counters[name] = max(said)
    return counters


def _facts(told: Sequence[Told]) -> Json:
    facts: Json = {}
    for name in _FACTS:
        said = [(event.run, event.data[name]) for event in told if name in event.data]
        if said:
            facts[name] = max(said)[1]
    users = [
        (event.run, user.get("id", ""), user.get("email", ""))
        for event in told
        if (user := event.data.get("user", {})).get("id") or user.get("email")
    ]
    if users:
        _, identity, email = max(users)
        named = {"id": identity, "email": email}
        facts["user"] = {name: value for name, value in named.items() if value}
    return facts


def _state(mine: Sequence[Told]) -> Json:
    state: Json = {}
    for kind in ("enqueued", "started"):
        times = [event.at for event in mine if event.kind == kind]
        if times:
            state[f"{kind}_at"] = min(times)
    ends = [event for event in mine if event.kind == "finished"]
    if not ends:
        furthest = max(_RANKS[event.kind] for event in mine)
        status = "IN_PROGRESS" if furthest else "ENQUEUED"
        return state | {
            "status": status,
            "operation_status": "UNKNOWN",
            "unfinished": True,
        }
    last = max(ends, key=lambda event: (event.at, event.id))
    outcome = last.data["outcome"]
    operation = last.data.get("operation_status") or {"DONE": "SUCCESS"}.get(
        outcome, "FAILED"
    )
    state |= {
        "status": outcome,
        "operation_status": operation,
        "finished_at": last.at,
    }
    message = last.data.get("result", {}).get("message")
    if message is not None:
        state["message"] = message
    if "started_at" in state:
        took = (last.at - state["started_at"]) // timedelta(milliseconds=1)
        state["processing_time"] = max(0, took)
    if "FAILED" in (outcome, operation):
        state["failed"] = True
    return state


def _progress(document: Json) -> int:
    if document["status"] == "DONE":
        return 100
    counted = document.get("done_count", 0) + document.get("failed_count", 0)
    total = document.get("total", 0)
    by_count = floor(counted * 100.0 / total) if total else 0
    return min(100, max(document.get("progress", 0), by_count))


def _refs(told: Iterable[Told]) -> set[str]:
    refs: set[str] = set()
    for event in told:
        data, user = event.data, event.data.get("user", {})
        if "request_id" in data:
            refs.add(ref("request", data["request_id"]))
        if "import_file_id" in data:
            refs.add(ref("import_file", data["import_file_id"]))
        if user.get("id"):
            refs.add(ref("user", user["id"]))
        if user.get("email"):
            refs.add(ref("email", user["email"]))
    return refs


def reference_rows(told: Sequence[Told], *, most: int = 1_000) -> list[Json]:
    """The failed rows that are kept of the task's run, in their order."""
    run = max(event.run for event in told)
    words: dict[str, tuple[tuple[Any, ...], Json]] = {}
    for event in told:
        if event.run != run:
            continue
        for number, row in enumerate(event.data.get("failed", [])):
            key = next(
                (
                    f"{name}:{row[name]}"
                    for name in ("row", "code", "source_id", "reason")
                    if name in row
                ),
                "nothing",
            )
            word = (event.at, event.id, number)
            if key not in words or word > words[key][0]:
                words[key] = (word, row)
    ordered = sorted(
        words.items(), key=lambda item: (item[1][1].get("row", 2**63 - 1), item[0])
    )
    return [row for _, (_, row) in ordered[:most]]
