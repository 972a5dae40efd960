"""Watching one task as server-sent events: its shape whenever it changes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import orjson
from daybook.runtime.clock import Stopwatch
from daybook.runtime.mongo import Document, is_unavailable
from pymongo.errors import PyMongoError

from query.auth import Unauthorized
from query.shapes import Json
from query.tasks.shapes import FINISHED, task_shape

# A proxy that hears nothing for a minute hangs up; half of that is what many give.
HEARTBEAT = timedelta(seconds=15)
# One document by its id: a second's delay is none to whoever looks at a bar.
POLL = timedelta(seconds=1)

_STILL_HERE = ": still here\n\n"


class OneTask(Protocol):
    async def task(self, project_id: str, task_id: str) -> Document | None: ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a watched task is read, and when silence is broken."""

    poll: timedelta = POLL
    heartbeat: timedelta = HEARTBEAT


class Watching:
    """Those who watch a task by this process, at most ``most`` at a time.

    ``stopping`` ends them all, so that a shutdown does not wait for tasks.
    """

    def __init__(
        self,
        tasks: OneTask,
        stopwatch: Stopwatch,
        stopping: asyncio.Event,
        *,
        most: int,
        pace: Pace,
    ) -> None:
        self._tasks = tasks
        self._stopwatch = stopwatch
        self._stopping = stopping
        self._most = most
        self._pace = pace
        self._count = 0

    @property
    def full(self) -> bool:
        """Whether somebody has to leave before another can watch."""
        return self._count >= self._most

    async def watch(
        self, task: Document, allowed: Callable[[], Awaitable[object]]
    ) -> AsyncIterator[str]:
        """``task`` as it is now, then each change, then ``end`` once it has finished.

        A database that is away is waited for. ``allowed`` raises Unauthorized once the
        watcher may no longer see it, which ends the stream, as a shutdown does, without
        ``end``. Nothing comes when there is no room.
        """
        if self.full:
            return
        self._count += 1
        try:
            async for event in self._events(task, allowed):
                yield event
        finally:
            self._count -= 1

    async def _events(
        self, task: Document, allowed: Callable[[], Awaitable[object]]
    ) -> AsyncIterator[str]:
        shown = task_shape(task)
        said = self._stopwatch()
        yield _event("task", shown)
        while shown["status"] not in FINISHED:
            if await self._stopped():
                return
            try:
                await allowed()
                found = await self._read(task)
            except Unauthorized:
                return
            now = self._stopwatch()
            if found is not None and (shape := task_shape(found)) != shown:
                shown, said = shape, now
                yield _event("task", shown)
            elif now - said >= self._pace.heartbeat.total_seconds():
                said = now
                yield _STILL_HERE
        yield _event("end", shown)

    async def _stopped(self) -> bool:
        """Wait for the next look; whether the process is stopping."""
        try:
            async with asyncio.timeout(self._pace.poll.total_seconds()):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True

    async def _read(self, task: Document) -> Document | None:
        try:
            return await self._tasks.task(task["project_id"], task["id"])
        except TimeoutError:
            return None
        except PyMongoError as error:
            if not is_unavailable(error):
                raise
            return None


def _event(name: str, shape: Json) -> str:
    return f"event: {name}\ndata: {orjson.dumps(shape).decode()}\n\n"
