"""What the tasks pages show, made from filters and documents; no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from daybook.runtime.mongo import Document

from query.pages.forms import (
    CURSOR,
    TIMES,
    Blank,
    Fact,
    Form,
    Link,
    Pairs,
    Sheet,
)
from query.pages.links import log_page, logs_of_request
from query.pages.log_views import origin_text
from query.pages.text import count, duration, long_duration
from query.shapes import Json, time_text
from query.tasks.filters import PROGRESS_FROM, PROGRESS_TO
from query.tasks.shapes import FINISHED, task_shape

# The text that failed rows of the open task are searched for.
Q = "q"

_STATUS_WORDS = {
    "ENQUEUED": "Enqueued",
    "IN_PROGRESS": "In progress",
    "DONE": "Done",
    "FAILED": "Failed",
}
OPERATION_WORDS = {"SUCCESS": "Success", "FAILED": "Failed", "UNKNOWN": "Unknown"}

SHEET = Sheet(
    "/tasks",
    {
        **TIMES,
        "type": Blank("Type", "VOUCHERS.IMPORT"),
        "status": Blank("Status", options=_STATUS_WORDS),
        "operation_status": Blank("Operation status", options=OPERATION_WORDS),
        "stalled": Blank("Stalled", options={"true": "Yes", "false": "No"}),
        "user": Blank("User", "id or e-mail"),
        "request_id": Blank("Request"),
        PROGRESS_FROM: Blank("Progress at least", "0 to 100", kind="number"),
        PROGRESS_TO: Blank("Progress at most", "0 to 100", kind="number"),
        "import_file_id": Blank("Import file"),
    },
    dropped=(CURSOR, Q),
)

Tone = Literal["idle", "busy", "ok", "bad", "warn"]


@dataclass(frozen=True, slots=True)
class State:
    """How a task is doing: a status, or that it is stalled."""

    name: str
    word: str
    tone: Tone


STALLED = State("stalled", "Stalled", "warn")
STATES: Mapping[str, State] = {
    "ENQUEUED": State("enqueued", _STATUS_WORDS["ENQUEUED"], "idle"),
    "IN_PROGRESS": State("running", _STATUS_WORDS["IN_PROGRESS"], "busy"),
    "DONE": State("done", _STATUS_WORDS["DONE"], "ok"),
    "FAILED": State("failed", _STATUS_WORDS["FAILED"], "bad"),
}
EVERY_STATE = (*STATES.values(), STALLED)


def make_form(pairs: Pairs, problems: Mapping[str, str]) -> Form:
    """The form that the pairs of a query string fill in, with their faults."""
    states: dict[str, Pairs] = {"All": []}
    for status, word in _STATUS_WORDS.items():
        states[word] = [("status", status)]
    states["Stalled"] = [("stalled", "true")]
    return SHEET.form(
        pairs, problems, segments=[SHEET.segments("Status", pairs, states)]
    )


def state_of(task: Document) -> State:
    return STALLED if task.get("stalled") else STATES[task["status"]]


@dataclass(frozen=True, slots=True)
class Bar:
    """How far a task is; ``good`` and ``bad`` are the parts of ``percent``."""

    percent: int
    good: float
    bad: float
    counts: str
    failed: str


def bar_of(task: Document) -> Bar:
    """A bar from what was counted; a task that counts nothing has its percentage."""
    percent = min(100, max(0, round(task.get("progress") or 0)))
    done, failed = task.get("done_count"), task.get("failed_count") or 0
    processed = (done or 0) + failed
    bad = round(percent * failed / processed, 2) if processed else 0.0
    return Bar(
        percent,
        round(percent - bad, 2),
        bad,
        _counts(done, task.get("total")),
        f"{count(failed)} failed" if failed else "",
    )


def _counts(done: int | None, total: int | None) -> str:
    if total is not None:
        return f"{count(done or 0)} of {count(total)} done"
    return "" if done is None else f"{count(done)} done"


def took(task: Document, now: datetime) -> str:
    """How long its run took, or has taken so far."""
    started, finished = task.get("started_at"), task.get("finished_at")
    if task["status"] in FINISHED:
        ms = task.get("processing_time")
        if ms is None and started is not None and finished is not None:
            ms = (finished - started) / timedelta(milliseconds=1)
        return duration(ms)
    if started is None:
        return duration(None)
    return long_duration((now - started).total_seconds())


def live(task: Document, now: datetime) -> Json:
    """What changes while a task runs, in the words of the page."""
    bar, state = bar_of(task), state_of(task)
    return {
        "id": task["id"],
        "state": state.name,
        "word": state.word,
        "finished": task["status"] in FINISHED,
        "run": task["run"],
        "percent": bar.percent,
        "good": bar.good,
        "bad": bar.bad,
        "counts": bar.counts,
        "failed": bar.failed,
        "took": took(task, now),
    }


@dataclass(frozen=True, slots=True)
class Row:
    """A task in the list, or the head of its detail."""

    task: Document
    now: datetime
    href: str
    selected: bool = False

    @property
    def id(self) -> str:
        return self.task["id"]

    @property
    def title(self) -> str:
        return self.task.get("task_type") or self.id

    @property
    def state(self) -> State:
        return state_of(self.task)

    @property
    def bar(self) -> Bar:
        return bar_of(self.task)

    @property
    def unfinished(self) -> bool:
        return self.task["status"] not in FINISHED

    @property
    def who(self) -> str:
        user: Mapping[str, Any] = self.task.get("user") or {}
        return user.get("email") or user.get("id") or "\u2014"

    @property
    def took(self) -> str:
        return took(self.task, self.now)

    @property
    def created(self) -> str:
        return time_text(self.task["created_at"])


def facts(task: Document, opens: Mapping[str, Link | None]) -> list[Fact]:
    """What is known about a task beside its state, in reading order.

    ``opens``: the page of what a fact names, by the fact's filter.
    """
    shape = task_shape(task)
    user: Mapping[str, Any] = shape["user"] or {}
    operation: str | None = shape["operation_status"]
    found = SHEET.facts(
        [
            ("Type", shape["type"], "type"),
            ("User", user.get("id"), "user"),
            ("E-mail", user.get("email"), "user"),
            ("Request id", shape["request_id"], "request_id"),
            ("Log id", shape["log_id"], None),
            ("Import file", shape["import_file_id"], "import_file_id"),
            ("Run", shape["run"], None),
            ("Heartbeat", _heartbeat(shape["heartbeat_s"]), None),
            ("Created", shape["created_at"], None),
            ("Enqueued", shape["enqueued_at"], None),
            ("Started", shape["started_at"], None),
            ("Finished", shape["finished_at"], None),
            ("Last event", shape["updated_at"], None),
            ("Received", shape["received_at"], None),
            ("Origin", origin_text(task.get("origin")), None),
        ],
        opens,
    )
    if operation is not None:
        href = SHEET.address([("operation_status", operation)])
        word = OPERATION_WORDS.get(operation, operation)
        found.insert(1, Fact("Operation status", word, href))
    return found


def _heartbeat(seconds: float | None) -> str | None:
    return None if seconds is None else f"every {seconds:g} s"


def cause(task: Document) -> Link | None:
    """The log that caused it, or the logs of the request that did."""
    if task.get("log_id"):
        return Link("Show the log that caused it", log_page(task["log_id"]))
    if task.get("request_id"):
        href = logs_of_request(task["request_id"])
        return Link("Show the request that caused it", href)
    return None
