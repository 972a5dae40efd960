"""How far running exports are, told as it happens: the task of each, and metrics."""

from datetime import timedelta
from typing import Protocol, Unpack

from daybook.client.task_settings import TaskOptions
from daybook.client.tasks import Task
from daybook.runtime.metrics import ExporterMetrics
from daybook.runtime.mongo import Document

from exporter.announcing import task_links


class Tasks(Protocol):
    """Makes runs of tasks: a client does."""

    def task(self, task_type: str, **options: Unpack[TaskOptions]) -> Task: ...


class Progress:
    """Publishes what runs write, and signs of life, a few times a second at most.

    Never waits and never raises: while Kafka is away the oldest of it is dropped. How
    a task began and ended is told by the announcer, which drops nothing. A takeover
    goes on from the rows that are stored.
    """

    def __init__(
        self, client: Tasks, metrics: ExporterMetrics, heartbeat: timedelta
    ) -> None:
        self._client = client
        self._metrics = metrics
        self._heartbeat = heartbeat
        self._tasks: dict[str, Task] = {}

    def started(self, export: Document) -> None:
        task = self._client.task(
            **task_links(export),
            project_id=export["project_id"],
            traceparent=export.get("traceparent"),
            heartbeat=self._heartbeat,
            started=True,
        )
        self._tasks[export["_id"]] = task
        task.begin()
        task.advance(done=export["rows"], total=export.get("expected_rows"))

    def progressed(self, export: Document, rows: int, expected: int | None) -> None:
        task = self._tasks.get(export["_id"])
        if task is None:
            return
        more = rows - task.done_count
        self._metrics.rows.inc(more)
        task.advance(done=more, total=expected)

    def over(self, export: Document) -> None:
        task = self._tasks.pop(export["_id"], None)
        if task is not None:
            task.forget()
