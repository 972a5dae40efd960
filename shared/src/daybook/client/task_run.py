"""A run of a background task: what both of its faces share."""

import os
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any, Unpack

from daybook.client.core import Core
from daybook.client.failed_rows import FailedRows, cut, failed_row
from daybook.client.publisher import Publisher
from daybook.client.task_reasons import LONGEST_MESSAGE, reason_of
from daybook.client.task_settings import TaskOptions, task_settings
from daybook.client.tracing import InTrace
from daybook.events.base import INT64_MAX
from daybook.events.task import (
    FailedRow,
    OperationStatus,
    Outcome,
    TaskEvent,
    TaskFinished,
    TaskProgressed,
    TaskResult,
    TaskStarted,
)

# Between two events about progress: four a second are enough for an eye.
LEAST_PAUSE_S = 0.25


class TaskRun:
    """One run of one task, from ``started`` to ``finished``. Thread-safe.

    Nothing here raises for a broker's trouble, or waits for it where the client's
    ``publish`` does not; a wrong argument raises ``ValueError`` at once, and changes
    nothing. While the run lasts, the client's own thread publishes what ``advance``
    held back and, where nothing was said for ``heartbeat``, a sign of life: it proves
    that the process lives and reaches the broker, not that the task gets on. After the
    end, and in the children of a fork, every call does nothing.
    """

    def __init__(
        self,
        core: Core,
        publisher: Publisher,
        task_type: str,
        **options: Unpack[TaskOptions],
    ) -> None:
        settings = task_settings(core.settings.new_id, task_type, options)
        self._core = core
        self._publisher = publisher
        self._settings = settings
        self._stopwatch = core.settings.stopwatch
        self._lock = Lock()
        self._process: int | None = None  # that runs it; None before and after
        self._entered = False
        self._total = settings.total
        self._done_count = 0
        self._failed = FailedRows()
        self._progress: int | None = None
        self._unsaid = False
        self._said_at = 0.0
        self._message: str | None = None
        self._failure: str | None = None
        self._operation_status: OperationStatus | None = None
        self._carried: InTrace | None = None

    @property
    def task_id(self) -> str:
        """Its id, for whoever asks how it gets on."""
        return self._settings.task_id

    @property
    def run(self) -> int:
        """1, and one more each time the task is tried again."""
        return self._settings.run

    @property
    def is_running(self) -> bool:
        """Whether it has begun, in this process, and not ended."""
        return self._is_mine()

    @property
    def done_count(self) -> int:
        """How many rows have succeeded so far."""
        return self._done_count

    @property
    def failed_count(self) -> int:
        """How many rows have failed so far."""
        return self._failed.count

    @property
    def message(self) -> str | None:
        """What the finished task says to people; cut beyond 2,000 characters."""
        return self._message

    @message.setter
    def message(self, message: str | None) -> None:
        if message is not None and not isinstance(message, str):  # pyright: ignore[reportUnnecessaryIsInstance] - a host may hand over anything
            raise ValueError(f"message must be text, not {message!r:.100}")
        self._message = cut(message, LONGEST_MESSAGE)

    @property
    def operation_status(self) -> OperationStatus | None:
        """Whether the task did what was asked.

        By default FAILED where it failed, or where rows failed and none is done; else
        SUCCESS.
        """
        return self._operation_status

    @operation_status.setter
    def operation_status(self, status: OperationStatus | None) -> None:
        if status not in ("SUCCESS", "FAILED", "UNKNOWN", None):
            raise ValueError(
                f"operation_status must be SUCCESS, FAILED or UNKNOWN, not {status!r}"
            )
        self._operation_status = status

    def fail(self, reason: str) -> None:
        """Let the run end as FAILED, without an exception; the block goes on."""
        if not isinstance(reason, str):  # pyright: ignore[reportUnnecessaryIsInstance] - a host may hand over anything
            raise ValueError(f"reason must be text, not {reason!r:.100}")
        self._failure = cut(reason, LONGEST_MESSAGE)

    def advance(
        self,
        done: int = 0,
        failed: Iterable[FailedRow | Mapping[str, Any]] = (),
        *,
        progress: int | None = None,
        total: int | None = None,
    ) -> None:
        """``done`` more rows succeeded, and these ``failed``: increments, though the
        events carry totals.

        ``progress`` is the per cent reached, where rows do not tell; ``total`` corrects
        how many rows there are. Call it as often as you like, for each row: at most
        four events a second are published, and what is held back is in the next. Of
        failed rows the 1,000 with the lowest numbers are told of; all are counted.
        """
        rows = [failed_row(row) for row in failed]
        _check_count("done", done, INT64_MAX - self._done_count)
        _check_count("total", 0 if total is None else total, INT64_MAX)
        _check_count("progress", 0 if progress is None else progress, 100)
        if not self._is_mine():
            return
        with self._lock:
            self._done_count += done
            for row in rows:
                self._failed.add(row)
            self._progress = self._progress if progress is None else progress
            self._total = self._total if total is None else total
            self._unsaid = True
            if self._stopwatch() - self._said_at >= LEAST_PAUSE_S:
                self._say_progress(self._publisher)

    def enter(self) -> None:
        """Begin; what this context publishes from now on is of the task's trace."""
        self.begin()
        if self._settings.traceparent is not None:
            self._carried = InTrace(self._settings.traceparent)

    def leave(self, error: BaseException | None = None) -> None:
        """End, and put back the trace that was there before."""
        self.end(error)
        self.leave_trace()

    def leave_trace(self) -> None:
        """Put back the trace that was there before, whatever becomes of the run."""
        if self._carried is not None:
            self._carried.put_back()
            self._carried = None

    def begin(self) -> None:
        """Publish that it was enqueued and has started, unless that was done."""
        if self._entered:
            raise RuntimeError("a run begins once: make another, with run=2")
        self._entered = True
        self._process = os.getpid()
        self._said_at = self._stopwatch()
        # Added before anything is published, which makes the thread look at it.
        self._core.beats.add(self)
        with self._lock:
            if self._settings.started:
                # How often it is heard of; and it wakes the thread that keeps to that.
                self._say_progress(self._publisher)
                return
            if not self._settings.enqueued:
                self._publish(self._settings.event, self._publisher)
            event = TaskStarted(
                **self._settings.fields, heartbeat_s=self._settings.heartbeat_s
            )
            self._publish(event, self._publisher)

    def end(self, error: BaseException | None = None) -> None:
        """Publish how it ended. Further calls do nothing."""
        if not self._is_mine():
            return
        with self._lock:
            self._process = None
            self._core.beats.remove(self)
            *before, last = self._failed.take() or [None]
            for chunk in before:
                self._publish(self._progressed(chunk), self._publisher)
            self._publish(self._finished(error, last), self._publisher)

    def forget(self) -> None:
        """Tell nothing more, and no end: somebody else runs it again."""
        if self._is_mine():
            self._process = None
            self._core.beats.remove(self)

    def due_in(self) -> float | None:
        """Seconds until the client's thread has to look at it."""
        # Without the lock: an answer that is no longer true is put right at the look.
        quiet = self._stopwatch() - self._said_at
        heartbeat = self._settings.heartbeat
        if quiet < LEAST_PAUSE_S or self._unsaid:
            return max(0.0, LEAST_PAUSE_S - quiet)
        return None if heartbeat is None else heartbeat.total_seconds() - quiet

    def beat(self) -> None:
        """Publish what was held back, or a sign of life, where that is due."""
        if not self._is_mine() or not self._lock.acquire(blocking=False):
            return  # the host is publishing, which may wait for the caller of this
        try:
            quiet = self._stopwatch() - self._said_at
            heartbeat = self._settings.heartbeat
            if (self._unsaid and quiet >= LEAST_PAUSE_S) or (
                heartbeat is not None and quiet >= heartbeat.total_seconds()
            ):
                self._say_progress(self._core)
        finally:
            self._lock.release()

    def _is_mine(self) -> bool:
        """A child of a fork has its parent's run in memory, and is not running it."""
        return self._process is not None and self._process == os.getpid()

    def _say_progress(self, publisher: Publisher) -> None:
        self._unsaid = False
        for chunk in self._failed.take() or [None]:
            self._publish(self._progressed(chunk), publisher)

    def _publish(self, event: TaskEvent, publisher: Publisher) -> None:
        self._said_at = self._stopwatch()
        publisher.publish(
            event,
            project_id=self._settings.project_id,
            traceparent=self._settings.traceparent,
        )

    def _progressed(self, failed: list[FailedRow] | None) -> TaskProgressed:
        return TaskProgressed(
            **self._counted(), heartbeat_s=self._settings.heartbeat_s, failed=failed
        )

    def _finished(
        self, error: BaseException | None, failed: list[FailedRow] | None
    ) -> TaskFinished:
        reason = self._failure if error is None else reason_of(error)
        outcome: Outcome = "DONE" if reason is None else "FAILED"
        hopeless = self._failed.count > 0 and self._done_count == 0
        by_default = "FAILED" if outcome == "FAILED" or hopeless else "SUCCESS"
        message = self._message if reason is None else reason
        return TaskFinished(
            **self._counted(),
            outcome=outcome,
            operation_status=self._operation_status or by_default,
            result=None if message is None else TaskResult(message=message),
            failed=failed,
        )

    def _counted(self) -> dict[str, Any]:
        counting = self._total is not None or self._done_count or self._failed.count
        return {
            **self._settings.fields,
            "total": self._total,
            "done_count": self._done_count if counting else None,
            "failed_count": self._failed.count if counting else None,
            "progress": self._progress,
        }


def _check_count(name: str, value: int, most: int) -> None:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(
            f"{name} must be a whole number from 0 to {most}, not {value!r:.100}"
        )
