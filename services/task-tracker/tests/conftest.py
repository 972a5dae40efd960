"""A repository over a real database, and events of tasks to merge into it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
import pytest_asyncio
from daybook.runtime.metrics import TrackerMetrics
from daybook.runtime.mongo import durable
from daybook.storage.tasks import ensure_tasks
from daybook.testing.records import FakeRecord, task_event
from daybook.testing.reference_fold import Told
from prometheus_client import CollectorRegistry
from pymongo import AsyncMongoClient
from task_tracker.judge import Judge, Judged
from task_tracker.repository import TaskRepository
from task_tracker.writer import Writer

Document = dict[str, Any]
START = datetime(2026, 11, 25, 12, tzinfo=UTC)
TOPIC = "tasks"


class Stream:
    """Events of one or more tasks, each with the record that carries it."""

    def __init__(self) -> None:
        self.judge = Judge()
        self.told: list[Told] = []
        self.items: list[Judged] = []

    def add(self, kind: Any, *, after_s: float = 0, **data: Any) -> Judged:
        """One more event with this data alone, ``after_s`` seconds after the start."""
        number = len(self.items)
        at = START + timedelta(seconds=after_s)
        attributes = data.pop("attributes", {})
        identity = f"e-{number:04}"
        attributes = {"id": identity, "time": at.isoformat()} | attributes
        event = task_event(kind, **attributes)
        event["data"] = {"task_id": "task_1"} | data
        received = int((at + timedelta(milliseconds=number)).timestamp() * 1000)
        record = replace(
            FakeRecord(json.dumps(event).encode()),
            topic=TOPIC,
            offset=number,
            timestamp=received,
        )
        item = self.judge.judge(record)
        self.items.append(item)
        if item.event is not None:
            self.told.append(Told(event, record))
        return item


class World:
    """What a test of the tracker's writes touches."""

    def __init__(self, database: Any) -> None:
        self.tasks = durable(database)["tasks"]
        self.rows = durable(database)["task_failed_rows"]
        self.registry = CollectorRegistry()
        metrics = TrackerMetrics(self.registry)
        self.repository = TaskRepository(self.tasks, self.rows, Random(1), metrics)
        self.writer = Writer(self.repository, metrics, lambda: START)

    async def prepare(self) -> None:
        await ensure_tasks(self.tasks, self.rows)

    async def write(self, *items: Judged) -> None:
        await self.writer.write(list(items))

    async def task(self, task_id: str = "task_1", project: str = "demo") -> Document:
        """The document, but for the tracker's own part of it."""
        found = await self.tasks.find_one({"_id": f"{project}/{task_id}"}, {"fold": 0})
        assert found is not None, task_id
        return plain(found)

    async def failed_rows(self, task: str, run: int) -> list[Document]:
        found = self.rows.find({"task": task, "run": run})
        return [
            {k: v for k, v in one["entry"].items() if k not in ("at", "event", "n")}
            async for one in found.sort([("place", 1), ("_id", 1)])
        ]


def plain(document: Document) -> Document:
    """A stored task as the reference writes it."""
    return {**document, "refs": sorted(document["refs"])}


@pytest_asyncio.fixture
async def world(mongo_client: AsyncMongoClient[Document], database_name: str) -> World:
    made = World(mongo_client[database_name])
    await made.prepare()
    return made


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture(scope="session")
def new_stream() -> type[Stream]:
    return Stream


@pytest.fixture(scope="session")
def new_world() -> type[World]:
    return World
