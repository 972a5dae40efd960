"""Watching a task through the whole service, as a browser or curl does."""

import json
import signal
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
from daybook.runtime.mongo import Document
from daybook.testing import eventually
from daybook.testing.stored_tasks import stored_task
from pymongo.asynchronous.database import AsyncDatabase

StoreTasks = Callable[..., Awaitable[None]]
STREAM = "/v1/async-actions/a/stream"


class Running(Protocol):
    @property
    def address(self) -> str: ...
    @property
    def process(self) -> subprocess.Popen[bytes]: ...
    @property
    def log(self) -> Path: ...


@pytest.fixture
async def http(
    running: Running, new_key: Callable[..., Awaitable[str]]
) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {await new_key()}"}
    async with httpx.AsyncClient(
        base_url=running.address, headers=headers, timeout=20
    ) as client:
        yield client


class Events:
    """The events of one stream, one at a time."""

    def __init__(self, answer: httpx.Response) -> None:
        self.headers = answer.headers
        self._lines = answer.aiter_lines()

    async def next(self) -> tuple[str, dict[str, Any]] | None:
        """Name and data of the next event; None once the stream has ended."""
        name = ""
        async for line in self._lines:
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                return name, json.loads(line.removeprefix("data: "))
        return None


@asynccontextmanager
async def watching(http: httpx.AsyncClient) -> AsyncGenerator[Events]:
    async with http.stream("GET", STREAM) as answer:
        assert answer.status_code == 200
        yield Events(answer)


async def test_a_watcher_sees_the_task_change_and_end(
    http: httpx.AsyncClient,
    store_tasks: StoreTasks,
    database: AsyncDatabase[Document],
    now: datetime,
) -> None:
    await store_tasks(stored_task("a", now, status="IN_PROGRESS", progress=10))

    async with watching(http) as events:
        first = await events.next()
        for progress, status in ((60, "IN_PROGRESS"), (100, "DONE")):
            await database["tasks"].update_one(
                {"id": "a"}, {"$set": {"progress": progress, "status": status}}
            )
            event = await events.next()
            assert event is not None
            assert (event[0], event[1]["progress"]) == ("task", progress)
        last = await events.next()
        after = await events.next()

    listed = (await http.get("/v1/async-actions")).json()["async_actions"]
    assert first is not None
    assert (first[0], first[1]["progress"]) == ("task", 10)
    assert last == ("end", listed[0])
    assert after is None
    assert events.headers["content-type"].startswith("text/event-stream")
    assert events.headers["cache-control"] == "no-store"
    assert events.headers["x-request-id"]


async def test_more_than_there_is_room_for_are_told_to_come_back(
    http: httpx.AsyncClient, store_tasks: StoreTasks, now: datetime
) -> None:
    await store_tasks(stored_task("a", now, status="IN_PROGRESS"))

    async with watching(http) as one, watching(http) as two:
        await one.next()
        await two.next()
        refused = await http.get(STREAM)

    async def has_room() -> bool:
        async with http.stream("GET", STREAM) as answer:
            return answer.status_code == 200

    assert (refused.status_code, refused.json()["key"]) == (503, "too_many_streams")
    assert int(refused.headers["retry-after"]) > 0
    # The two hung up: what they took is free again.
    assert await eventually(has_room)


async def test_a_shutdown_does_not_wait_for_who_watches(
    running: Running, http: httpx.AsyncClient, store_tasks: StoreTasks, now: datetime
) -> None:
    await store_tasks(stored_task("a", now, status="ENQUEUED"))

    async with watching(http) as events:
        await events.next()
        running.process.send_signal(signal.SIGTERM)
        after = await events.next()

    await eventually(lambda: running.process.poll() is not None, 2.5)
    assert after is None
    assert "Traceback" not in running.log.read_text()


async def test_how_long_somebody_watched_is_no_time_to_answer(
    http: httpx.AsyncClient, store_tasks: StoreTasks, now: datetime
) -> None:
    await store_tasks(stored_task("a", now, status="DONE"))

    await http.get(STREAM)

    metrics = (await http.get("/metrics")).text
    name = "daybook_query_request_duration_seconds_count"
    route = "/v1/async-actions/{task_id:id}/stream"
    assert f'{name}{{method="GET",route="{route}"}} 1.0' in metrics
