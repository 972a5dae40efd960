"""Looking at several tasks at once, and that nobody looks for ever."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from daybook.runtime.mongo import Document
from daybook.testing.stored_tasks import stored_task
from pymongo.asynchronous.database import AsyncDatabase
from query.auth import Unauthorized
from query.pages.live_tasks import events
from query.tasks.live import Live
from query.tasks.watching import Pace

QUICK = Pace(poll=timedelta(milliseconds=5))


async def anybody() -> None:
    """Whoever asks may look."""


@pytest.fixture
def stopping() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def live(
    database: AsyncDatabase[Document],
    store_tasks: Callable[..., Awaitable[None]],
    stopping: asyncio.Event,
    now: datetime,
) -> Live:
    """Room for one, over a task that never ends."""
    await store_tasks(stored_task("a", now, status="IN_PROGRESS", message="not yet"))
    return Live(database, stopping, most=1, pace=QUICK)


async def test_a_shutdown_ends_every_look_without_an_end(
    live: Live, stopping: asyncio.Event, now: datetime
) -> None:
    async def looks() -> AsyncIterator[list[Document]]:
        async for tasks in live.looks("shop", ["a"], anybody):
            yield tasks
            stopping.set()

    seconds = iter(range(100))
    stream = events(
        looks(), lambda: now, lambda: next(seconds), heartbeat=timedelta(hours=1)
    )
    said = [event async for event in stream]

    assert [event.partition("\n")[0] for event in said] == ["event: task"]
    assert "not yet" not in said[0]


async def test_who_may_no_longer_see_them_sees_nothing_more(live: Live) -> None:
    async def signed_out() -> None:
        raise Unauthorized

    seen = [tasks async for tasks in live.looks("shop", ["a"], signed_out)]

    assert len(seen) == 1


async def test_a_full_house_has_room_again_once_somebody_leaves(live: Live) -> None:
    first = live.looks("shop", ["a"], anybody)
    await anext(first)
    was_full = live.full
    turned_away = [tasks async for tasks in live.looks("shop", ["a"], anybody)]

    await first.aclose()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - a generator

    assert (was_full, turned_away, live.full) == (True, [], False)


async def test_silence_is_broken_before_a_proxy_hangs_up(now: datetime) -> None:
    task = stored_task("a", now, status="ENQUEUED")

    async def looks() -> AsyncIterator[list[Document]]:
        for _ in range(4):
            yield [task]

    seconds = iter(range(0, 1000, 10))
    stream = events(
        looks(), lambda: now, lambda: next(seconds), heartbeat=timedelta(seconds=15)
    )
    said = [event.split("\n")[0] async for event in stream]

    assert said[0] == "event: task"
    assert said.count(": still here") >= 1
