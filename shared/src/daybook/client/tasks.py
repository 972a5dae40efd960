"""A background task, as its host tells of it: two thin faces of one run."""

from types import TracebackType
from typing import Self

from daybook.client.core import Core
from daybook.client.publisher import Publisher
from daybook.client.task_run import TaskRun
from daybook.client.task_settings import TaskLinks, task_settings


class Task(TaskRun):
    """``async with``: the block is the run. What it raises fails the run, and is raised
    all the same; so do cancellation and an interrupt. What the block publishes belongs
    to the task's trace."""

    async def __aenter__(self) -> Self:
        self.enter()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave(error)


class SyncTask(TaskRun):
    """``with``: as ``Task``, for hosts without an event loop."""

    def __enter__(self) -> Self:
        self.enter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave(error)


def enqueue(core: Core, publisher: Publisher, task_type: str, links: TaskLinks) -> str:
    """Publish that a task waits to be run; its id."""
    settings = task_settings(core.settings.new_id, task_type, {**links})
    publisher.publish(
        settings.event,
        project_id=settings.project_id,
        traceparent=settings.traceparent,
    )
    return settings.task_id
