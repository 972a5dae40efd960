"""The shapes of background tasks, as the documentation shows them."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from query.api.models import Origin, Time, User

TaskStatus = Literal["ENQUEUED", "IN_PROGRESS", "DONE", "FAILED"]
OperationStatus = Literal["SUCCESS", "FAILED", "UNKNOWN"]


class TaskSummary(BaseModel):
    """A background task in a list: without its result."""

    object: Literal["async_action"]
    id: str
    type: str | None = Field(examples=["VOUCHERS.IMPORT"])
    status: TaskStatus
    operation_status: OperationStatus | None = Field(
        description="Whether it did what was asked."
    )
    created_at: Time = Field(
        description="Its earliest event; it may move back while events arrive."
    )
    updated_at: Time = Field(description="Its latest event.")
    request_id: str | None = Field(description="The API request that caused it.")
    log_id: str | None = Field(description="The log of that request.")
    user: User | None
    processing_time: int | None = Field(description="Milliseconds.")
    progress: int | None = Field(description="Per cent.")
    project_id: str
    import_file_id: str | None
    stalled: bool = Field(description="It runs, and its sign of life is overdue.")
    run: int = Field(description="1, and one more each time it was tried again.")
    total: int | None = Field(description="Rows that there are.")
    done_count: int | None = Field(description="Rows that have succeeded.")
    failed_count: int | None = Field(description="Rows that have failed.")
    heartbeat_s: float | None = Field(
        description="Seconds without an event after which it is stalled; null: never."
    )
    enqueued_at: Time | None
    started_at: Time | None
    finished_at: Time | None
    received_at: Time | None = Field(description="When the broker had its last event.")


class FailedRowEntry(BaseModel):
    row: int | None = Field(description="Its number, as in the imported file.")
    code: str | None = Field(description="A voucher's code.")
    source_id: str | None = Field(description="Another thing's id in its own system.")
    reason: str | None


class TaskResult(BaseModel):
    message: str | None = Field(description="Of a failed task, why it failed.")
    done_count: int | None
    failed_count: int | None
    failed: list[FailedRowEntry] = Field(
        description="At most 1,000, by row; failed_count says how many there are."
    )
    errors: list[Any]
    reports: list[Any]
    reports_available_till: Time | None


class Task(TaskSummary):
    """A background task with its result."""

    result: TaskResult | None = Field(description="null until it has finished.")


class TaskPage(BaseModel):
    """A page of tasks, newest first."""

    object: Literal["list"]
    data_ref: Literal["async_actions"]
    async_actions: list[TaskSummary]
    has_more: bool
    next_cursor: str | None
    searched_until: Time | None = Field(
        description="How far back the time of the list reached, when it ran out."
    )


class TaskEvent(BaseModel):
    """One event of a task's history; what it did not say is null."""

    object: Literal["task_event"]
    id: str
    type: str = Field(examples=["daybook.task.progressed.v1"])
    run: int
    created_at: Time = Field(description="When it happened.")
    received_at: Time | None = Field(description="When the broker had it.")
    event_time: str | None = Field(description="The producer's, where it was not kept.")
    source: str | None
    sequence: int | str | None
    task_id: str
    task_type: str | None
    request_id: str | None
    log_id: str | None
    user: User | None
    import_file_id: str | None
    heartbeat_s: float | None
    total: int | None
    done_count: int | None
    failed_count: int | None
    progress: int | None
    outcome: Literal["DONE", "FAILED"] | None
    operation_status: OperationStatus | None
    message: str | None
    traceparent: str | None
    origin: Origin | None


class TaskEventPage(BaseModel):
    """A page of one task's history, oldest first."""

    object: Literal["list"]
    data_ref: Literal["task_events"]
    task_events: list[TaskEvent]
    has_more: bool
    next_cursor: str | None


class FailedRow(FailedRowEntry):
    """A row that the task's run could not process."""

    object: Literal["failed_row"]


class FailedRowPage(BaseModel):
    """A page of failed rows, by row; those without a number come last."""

    object: Literal["list"]
    data_ref: Literal["failed_rows"]
    failed_rows: list[FailedRow]
    has_more: bool
    next_cursor: str | None
