"""What some events say of one task, as a value that is merged and never overwritten.

A task's state is a join: of each thing the highest run that says it counts, and within
the run the greatest value. A join does not care for order or repetition, so events may
be merged here by the batch, there in the database, by two processes at once.

Everything is a pair of a run and a value. A time whose *earliest* value counts is kept
negative, so that everywhere the greatest wins.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from daybook.events.base import Event
from daybook.events.cloudevent import CloudEvent
from daybook.events.task import (
    TaskEnqueued,
    TaskFinished,
    TaskProgressed,
    TaskStarted,
)
from daybook.storage.refs import RefKind, ref
from daybook.storage.times import created_ms

from task_tracker.failed_rows import RowKey, RowOrder, rows_of

# How far a run has come with each event.
STAGES: Mapping[type[Event], int] = {
    TaskEnqueued: 0,
    TaskStarted: 1,
    TaskProgressed: 1,
    TaskFinished: 2,
}
FINISHED = STAGES[TaskFinished]

# Counters are of a run; they are integers.
COUNTERS = ("done_count", "failed_count", "progress")
# What a field says holds until a later run says otherwise.
FACTS = ("task_type", "request_id", "log_id", "import_file_id", "heartbeat_s", "total")
_OUTCOMES = {"DONE": "SUCCESS", "FAILED": "FAILED"}
_REFS: tuple[tuple[RefKind, str], ...] = (
    ("request", "request_id"),
    ("import_file", "import_file_id"),
)

Said = tuple[int, Any]
Latest = tuple[int, str, int, int]
# Run, time, event id, outcome, operation status, whether it has a message, the message.
Finish = tuple[int, int, str, str, str, bool, str]


@dataclass(slots=True)
class TaskFold:
    """What the events that were added say of one task."""

    project_id: str
    task_id: str
    created_ms: int = 2**63 - 1
    updated_ms: int = -(2**63)
    latest: Latest = (-(2**63), "", 0, 0)
    said: dict[str, Said] = field(default_factory=dict[str, Said])
    user: tuple[int, str, str] | None = None
    finish: Finish | None = None
    refs: set[str] = field(default_factory=set[str])
    rows: dict[RowKey, RowOrder] = field(default_factory=dict[RowKey, RowOrder])

    @property
    def key(self) -> str:
        """The task's ``_id``."""
        return f"{self.project_id}/{self.task_id}"

    def add(self, event: CloudEvent, record: Any) -> None:
        """Merge one event of this task, which the broker appended as ``record``."""
        data = event.data
        run: int = data.get("run", 1)
        at, _ = created_ms(event.time, record.timestamp)
        self.created_ms = min(self.created_ms, at)
        self.updated_ms = max(self.updated_ms, at)
        self.latest = max(
            self.latest,
            (record.timestamp, record.topic, record.partition, record.offset),
        )
        self._say("stage", run, STAGES[event.event])
        if event.event is TaskEnqueued:
            self._say("enqueued", run, -at)
        elif event.event is TaskStarted:
            self._say("started", run, -at)
        elif event.event is TaskFinished:
            self._finish(run, at, event)
        for name in (*COUNTERS, *FACTS):
            value = data.get(name)
            if value is not None:
                self._say(name, run, value)
        self._tell_user(run, data.get("user") or {})
        for kind, name in _REFS:
            if data.get(name):
                self.refs.add(ref(kind, data[name]))
        rows: list[dict[str, Any]] = data.get("failed") or []
        if rows:
            self._fail(run, at, event.id, rows)

    def _say(self, name: str, run: int, value: Any) -> None:
        known = self.said.get(name)
        if known is None or (run, value) > known:
            self.said[name] = (run, value)

    def _tell_user(self, run: int, user: Mapping[str, str]) -> None:
        identity, email = user.get("id") or "", user.get("email") or ""
        if not identity and not email:
            return
        told = (run, identity, email)
        self.user = told if self.user is None else max(self.user, told)
        if identity:
            self.refs.add(ref("user", identity))
        if email:
            self.refs.add(ref("email", email))

    def _finish(self, run: int, at: int, event: CloudEvent) -> None:
        data = event.data
        outcome: str = data["outcome"]
        status: str = data.get("operation_status") or _OUTCOMES[outcome]
        result: dict[str, str] = data.get("result") or {}
        message = result.get("message")
        has_message = message is not None
        told = (run, at, event.id, outcome, status, has_message, message or "")
        self.finish = told if self.finish is None else max(self.finish, told)

    def _fail(
        self, run: int, at: int, event_id: str, rows: list[dict[str, Any]]
    ) -> None:
        for key, order in rows_of(run, at, event_id, rows):
            known = self.rows.get(key)
            if known is None or order > known:
                self.rows[key] = order
