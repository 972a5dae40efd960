"""What a task can be told, checked when it is made."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypedDict

from pydantic import ValidationError

from daybook.client.failed_rows import words
from daybook.client.tracing import current_traceparent
from daybook.events.base import User
from daybook.events.task import LONGEST_HEARTBEAT_S, TaskEnqueued
from daybook.events.writing import PROJECT_ID

# Promised between two signs of life is three times what is kept to: neither a slow
# broker nor one lost event makes a task look stalled.
HEARTBEATS_PROMISED = 3
LEAST_HEARTBEAT = timedelta(milliseconds=100)
MOST_HEARTBEAT = timedelta(seconds=LONGEST_HEARTBEAT_S / HEARTBEATS_PROMISED)


class TaskLinks(TypedDict, total=False):
    """What is known of a task; ``TaskSettings`` says what each means."""

    task_id: str | None
    run: int
    request_id: str | None
    log_id: str | None
    user: User | None
    import_file_id: str | None
    total: int | None
    project_id: str | None
    traceparent: str | None


class TaskOptions(TaskLinks, total=False):
    """The keyword arguments of ``task`` of both faces."""

    heartbeat: timedelta | None
    enqueued: bool
    started: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSettings:
    """Raises ``ValueError`` for what could never work, at construction only."""

    # What kind of task it is, like VOUCHERS.IMPORT.
    task_type: str
    # By default the client's next id.
    task_id: str
    # One more each time that the task is tried again.
    run: int = 1
    # The API request that caused it, and its log where that is known.
    request_id: str | None = None
    log_id: str | None = None
    user: User | None = None
    # The uploaded file that it works through.
    import_file_id: str | None = None
    # How many rows there are, where that is known beforehand.
    total: int | None = None
    # By default the client's.
    project_id: str | None = None
    # By default the trace that it is made in.
    traceparent: str | None = None
    # Between two signs of life; None: the task never counts as stalled.
    heartbeat: timedelta | None = timedelta(seconds=10)
    # It was enqueued before, here or in another process: only its run is told of.
    enqueued: bool = False
    # It was started before, by whom this goes on for: only what comes now is told of.
    started: bool = False
    event: TaskEnqueued = field(init=False)

    def __post_init__(self) -> None:
        try:
            event = TaskEnqueued(
                task_id=self.task_id,
                run=self.run,
                task_type=self.task_type,
                request_id=self.request_id,
                log_id=self.log_id,
                user=self.user,
                import_file_id=self.import_file_id,
                total=self.total,
            )
        except ValidationError as errors:
            raise ValueError(words(errors)) from None
        object.__setattr__(self, "event", event)
        if not self.task_type:
            raise ValueError("task_type must say what kind of task it is")
        if self.project_id is not None and not PROJECT_ID.fullmatch(self.project_id):
            raise ValueError(
                "project_id must be 1 to 64 of A-Z a-z 0-9 _ -,"
                f" not {self.project_id!r}"
            )
        if self.heartbeat is not None and not (
            isinstance(self.heartbeat, timedelta)  # pyright: ignore[reportUnnecessaryIsInstance] - a host may hand over anything
            and LEAST_HEARTBEAT <= self.heartbeat <= MOST_HEARTBEAT
        ):
            raise ValueError(
                f"heartbeat must be from {LEAST_HEARTBEAT} to {MOST_HEARTBEAT},"
                f" or None, not {self.heartbeat!r}"
            )

    @property
    def heartbeat_s(self) -> float | None:
        """What is promised on the wire."""
        if self.heartbeat is None:
            return None
        return (self.heartbeat * HEARTBEATS_PROMISED).total_seconds()

    @property
    def fields(self) -> dict[str, Any]:
        """What every event of the run says."""
        return {name: value for name, value in self.event if value is not None}


def task_settings(
    new_id: Callable[[], str], task_type: str, options: TaskOptions
) -> TaskSettings:
    """The options, checked, with an id and the current trace."""
    given: dict[str, Any] = {**options}
    if given.get("task_id") is None:
        given["task_id"] = new_id()
    if given.get("traceparent") is None:
        # Kept: signs of life are published by a thread that is in no trace.
        given["traceparent"] = current_traceparent()
    return TaskSettings(task_type=task_type, **given)
