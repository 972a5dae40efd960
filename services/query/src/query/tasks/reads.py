"""All that is read of tasks, for the API and the pages."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from daybook.runtime.clock import Clock, Stopwatch
from daybook.runtime.mongo import Document
from pymongo.asynchronous.database import AsyncDatabase

from query.lists import Lists
from query.tasks.failed_rows import FailedRows
from query.tasks.history import History
from query.tasks.plans import plan_tasks
from query.tasks.repository import Tasks
from query.tasks.watching import Pace, Watching


@dataclass(frozen=True, slots=True)
class TaskReads:
    """One task, lists of tasks, and what belongs to one task."""

    tasks: Tasks
    lists: Lists
    history: History
    failed_rows: FailedRows
    watching: Watching


def task_reads(
    database: AsyncDatabase[Document],
    clock: Clock,
    stopwatch: Stopwatch,
    *,
    budget: timedelta,
    stopping: asyncio.Event,
    most_streams: int,
) -> TaskReads:
    """The reads over one database; it opens nothing."""
    tasks = Tasks(database, stopwatch)
    return TaskReads(
        tasks,
        Lists("async_actions", tasks, plan_tasks, clock, budget),
        History(database, budget),
        FailedRows(database),
        Watching(tasks, stopwatch, stopping, most=most_streams, pace=Pace()),
    )
