"""A background task of a platform service, from enqueued to done or failed."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from daybook.events.base import Count, Event, Int64, Part, Text, User
from daybook.events.topics import TASKS

Outcome = Literal["DONE", "FAILED"]
OperationStatus = Literal["SUCCESS", "FAILED", "UNKNOWN"]

# Beyond a year nobody waits for a sign of life.
LONGEST_HEARTBEAT_S = 366 * 86_400


class FailedRow(Part):
    """A row, or a thing, that the task could not process."""

    row: Int64 | None = Field(
        default=None, description="Its number, for example in the imported file."
    )
    code: str | None = Field(default=None, description="A voucher's code.")
    source_id: str | None = Field(
        default=None, description="Another thing's id in its own system."
    )
    reason: str | None = Field(default=None, description="Why it failed.")


class TaskResult(Part):
    """What a finished task has to say."""

    message: str | None = Field(
        default=None, description="For people; of a failed task, why it failed."
    )


class TaskEvent(Event):
    """What every event of a task has.

    Keyed by task: one task's events stay in order, tasks run in parallel. Readers fold
    them in any order and however often they come. Counters are totals of the run, never
    increments. What a field says holds until a later run says otherwise.
    """

    topic: ClassVar[str] = TASKS

    task_id: Annotated[
        Text, Field(min_length=1, max_length=256, description="The task's id.")
    ]
    run: Annotated[int, Field(ge=1, le=2**31 - 1)] = Field(
        default=1, description="1, and one more each time the task is tried again."
    )
    task_type: Annotated[Text, Field(max_length=256)] | None = Field(
        default=None, description="What kind of task it is, like VOUCHERS.IMPORT."
    )
    request_id: str | None = Field(
        default=None, description="The API request that caused it."
    )
    log_id: str | None = Field(
        default=None, description="The log of that request, where it is known."
    )
    user: User | None = Field(default=None, description="Who caused it.")
    import_file_id: str | None = Field(
        default=None, description="The uploaded file that it works through."
    )
    heartbeat_s: (
        Annotated[float, Field(ge=0.1, le=LONGEST_HEARTBEAT_S, allow_inf_nan=False)]
        | None
    ) = Field(
        default=None,
        description="Seconds without an event after which a running task is stalled; "
        "without it, never.",
    )
    total: Count | None = Field(default=None, description="How many rows there are.")
    done_count: Count | None = Field(
        default=None, description="How many rows have succeeded so far."
    )
    failed_count: Count | None = Field(
        default=None, description="How many rows have failed so far."
    )
    progress: Annotated[int, Field(ge=0, le=100)] | None = Field(
        default=None,
        description="Per cent; where it is missing, rows done and failed of total.",
    )

    def subject(self) -> str:
        return self.task_id


class TaskEnqueued(TaskEvent):
    """A task waits to be run, for the first time or once more (`run`)."""

    type: ClassVar[str] = "daybook.task.enqueued.v1"


class TaskStarted(TaskEvent):
    """A worker has begun a run of the task."""

    type: ClassVar[str] = "daybook.task.started.v1"


class TaskProgressed(TaskEvent):
    """A run goes on: its counters so far, further failed rows, or a sign of life."""

    type: ClassVar[str] = "daybook.task.progressed.v1"

    failed: list[FailedRow] | None = Field(
        default=None, description="Rows that failed since the event before."
    )


class TaskFinished(TaskEvent):
    """A run has reached its end, whatever the outcome."""

    type: ClassVar[str] = "daybook.task.finished.v1"

    outcome: Outcome = Field(description="DONE: it ran to its end. FAILED: it did not.")
    operation_status: OperationStatus | None = Field(
        default=None,
        description="Whether it did what was asked; by default as `outcome` says.",
    )
    result: TaskResult | None = Field(default=None, description="What came of it.")
    failed: list[FailedRow] | None = Field(
        default=None, description="Rows that failed since the event before."
    )
