"""Watching a task: what comes when, and that nobody watches for ever."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from daybook.runtime.clock import monotonic
from daybook.runtime.mongo import Document
from daybook.testing import eventually
from daybook.testing.stored_tasks import stored_task
from pymongo.errors import AutoReconnect
from query.auth import Unauthorized
from query.tasks.watching import Pace, Watching

NOW = datetime(2026, 11, 24, tzinfo=UTC)
QUICK = Pace(poll=timedelta(milliseconds=5), heartbeat=timedelta(hours=1))


def running(progress: int, status: str = "IN_PROGRESS") -> Document:
    return stored_task("a", NOW, status=status, progress=progress)


@dataclass
class Told:
    """A task that is, each time it is read, as told; the last word stays."""

    story: list[Document | Exception | None]
    reads: int = 0

    async def task(self, project_id: str, task_id: str) -> Document | None:
        assert (project_id, task_id) == ("shop", "a")
        said = self.story[min(self.reads, len(self.story) - 1)]
        self.reads += 1
        if isinstance(said, Exception):
            raise said
        return said


@dataclass
class World:
    story: list[Document | Exception | None]
    most: int = 2
    pace: Pace = QUICK
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    allowed: bool = True

    def __post_init__(self) -> None:
        self.told = Told(self.story)
        self.watching = Watching(
            self.told, monotonic, self.stopping, most=self.most, pace=self.pace
        )

    def watch(self, first: Document) -> AsyncIterator[str]:
        return self.watching.watch(first, self._check)

    async def _check(self) -> None:
        if not self.allowed:
            raise Unauthorized


def read(event: str) -> tuple[str, int, str]:
    name, data, *_ = event.split("\n")
    task: dict[str, Any] = orjson.loads(data.removeprefix("data: "))
    assert event.endswith("\n\n")
    return name.removeprefix("event: "), task["progress"], task["status"]


async def test_a_task_is_told_at_once_at_each_change_and_at_its_end() -> None:
    same = running(10)
    world = World([same, same, running(50), running(50), running(100, "DONE")])

    events = [read(event) async for event in world.watch(running(10))]

    assert events == [
        ("task", 10, "IN_PROGRESS"),
        ("task", 50, "IN_PROGRESS"),
        ("task", 100, "DONE"),
        ("end", 100, "DONE"),
    ]


@pytest.mark.parametrize("status", ["DONE", "FAILED"])
async def test_a_task_that_has_finished_is_told_and_ended_without_a_look(
    status: str,
) -> None:
    world = World([None])

    events = [read(event) async for event in world.watch(running(7, status))]

    assert events == [("task", 7, status), ("end", 7, status)]
    assert world.told.reads == 0


async def test_a_database_that_is_away_is_waited_for() -> None:
    world = World([AutoReconnect("away"), TimeoutError(), running(100, "FAILED")])

    events = [read(event) async for event in world.watch(running(10))]

    assert [name for name, *_ in events] == ["task", "task", "end"]


async def test_while_nothing_changes_a_comment_keeps_the_connection_open() -> None:
    pace = Pace(poll=QUICK.poll, heartbeat=2 * QUICK.poll)
    world = World([running(10)], pace=pace)

    stream = world.watch(running(10))
    events = [await anext(stream) for _ in range(3)]

    assert [event[0] for event in events] == ["e", ":", ":"]
    assert world.told.reads >= 2


async def test_a_shutdown_ends_every_stream() -> None:
    world = World([running(10)], pace=Pace(poll=timedelta(hours=1)))
    stream = world.watch(running(10))
    await anext(stream)

    world.stopping.set()

    assert [event async for event in stream] == []


async def test_whoever_may_no_longer_see_the_task_is_told_nothing_more() -> None:
    world = World([running(20)])
    stream = world.watch(running(10))
    await anext(stream)

    world.allowed = False

    assert [event async for event in stream] == []
    assert world.told.reads == 0


async def test_no_more_watch_than_there_is_room_and_room_comes_back() -> None:
    world = World([running(10)])
    streams = [world.watch(running(10)) for _ in range(3)]
    await anext(streams[0])
    assert not world.watching.full
    await anext(streams[1])
    assert world.watching.full

    turned_away = [event async for event in streams[2]]
    world.stopping.set()
    for stream in streams[:2]:
        assert [event async for event in stream] == []

    assert turned_away == []
    assert not world.watching.full


async def test_room_comes_back_when_a_watcher_is_cancelled() -> None:
    world = World([running(10)], most=1, pace=Pace(poll=timedelta(hours=1)))

    async def watch() -> None:
        async for _ in world.watch(running(10)):
            pass

    watcher = asyncio.create_task(watch())
    await eventually(lambda: world.watching.full, every=0.001)
    watcher.cancel()
    await asyncio.wait([watcher])

    assert not world.watching.full
