"""What the query service's tests share: a database with indexes, and the service."""

import itertools
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from daybook.runtime.mongo import Document
from daybook.storage.logs import INDEXES
from daybook.storage.task_events import TASK_EVENT_INDEXES
from daybook.storage.tasks import ensure_tasks
from daybook.testing import eventually
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from query.app import Surroundings, create_app
from query.control_plane import ControlPlane
from query.keys import make_key, system_randomness
from query.settings import QuerySettings

NOW = datetime(2026, 11, 24, 3, 0, 0, tzinfo=UTC)
SECRET = "a secret of enough letters"

MakeKey = Callable[..., Awaitable[str]]
StoreLogs = Callable[..., Awaitable[None]]


class Time:
    """Wall clock and stopwatch that move when a test says so."""

    def __init__(self) -> None:
        self.now = NOW
        self.seconds = 0.0

    def clock(self) -> datetime:
        return self.now

    def stopwatch(self) -> float:
        return self.seconds

    def pass_by(self, span: timedelta) -> None:
        self.now += span
        self.seconds += span.total_seconds()


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def database(
    mongo_client: AsyncMongoClient[Document], database_name: str
) -> AsyncDatabase[Document]:
    database = mongo_client[database_name]
    # Without the TTL index: some of these logs are two thousand years old.
    await database["logs"].create_indexes(list(INDEXES))
    return database


@pytest.fixture
def settings() -> QuerySettings:
    return QuerySettings(session_secret=SecretStr(SECRET))


@pytest.fixture
def app(
    database: AsyncDatabase[Document], settings: QuerySettings, time: Time
) -> FastAPI:
    numbers = itertools.count(1)
    surroundings = Surroundings(
        clock=time.clock,
        stopwatch=time.stopwatch,
        make_id=lambda: f"made-{next(numbers)}",
    )
    return create_app(
        settings, database, registry=CollectorRegistry(), surroundings=surroundings
    )


@pytest.fixture
async def anyone(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://daybook.test"
    ) as client:
        yield client


@pytest.fixture
def new_key(database: AsyncDatabase[Document]) -> MakeKey:
    """Makes a key of a project and returns its text."""
    control = ControlPlane(database)

    async def make(project_id: str = "shop", name: str = "tests") -> str:
        stored, text = make_key(project_id, name, now=NOW, randomness=system_randomness)
        await control.add_key(stored)
        return text

    return make


@pytest.fixture
async def api(anyone: httpx.AsyncClient, new_key: MakeKey) -> httpx.AsyncClient:
    """A client with a key of the project ``shop``."""
    anyone.headers["authorization"] = f"Bearer {await new_key()}"
    return anyone


@pytest.fixture
async def signed_in(anyone: httpx.AsyncClient, new_key: MakeKey) -> httpx.AsyncClient:
    """A client that is signed in to the project ``shop``, as a browser is."""
    anyone.headers["accept"] = "text/html"
    form = await anyone.get("/sign-in")
    token = form.text.split('name="form" value="')[1].split('"')[0]
    answer = await anyone.post(
        "/sign-in", data={"form": token, "key": await new_key(), "next": "/logs"}
    )
    assert answer.status_code == 303, answer.text
    return anyone


@pytest.fixture
def store(database: AsyncDatabase[Document]) -> StoreLogs:
    """Stores log documents."""

    async def store_logs(*documents: dict[str, Any]) -> None:
        await database["logs"].insert_many(list(documents))

    return store_logs


@pytest.fixture
async def store_tasks(database: AsyncDatabase[Document]) -> StoreLogs:
    """Stores task documents; the collections of tasks have their indexes."""
    await database["task_events"].create_indexes(list(TASK_EVENT_INDEXES))
    await ensure_tasks(database["tasks"], database["task_failed_rows"])

    async def store_tasks(*documents: dict[str, Any]) -> None:
        await database["tasks"].insert_many(list(documents))

    return store_tasks


@dataclass(frozen=True, slots=True)
class Running:
    """The service as a process of its own, over the test's database."""

    address: str
    process: subprocess.Popen[bytes]
    log: Path


@pytest.fixture
async def running(
    mongodb_uri: str, database_name: str, tmp_path: Path
) -> AsyncIterator[Running]:
    log = tmp_path / "query.log"
    environment = {
        **os.environ,
        "MONGODB_URI": mongodb_uri,
        "DAYBOOK_MONGODB_DATABASE": database_name,
        "DAYBOOK_PORT": "0",
        "DAYBOOK_SESSION_SECRET": SECRET,
        "DAYBOOK_STORAGE_URL": str(tmp_path / "objects"),
        "DAYBOOK_MOST_STREAMS": "2",
    }
    with (
        log.open("w") as output,
        subprocess.Popen(  # noqa: ASYNC220 - it starts at once; the wait is below
            [sys.executable, "-m", "query"], stderr=output, env=environment
        ) as process,
    ):
        try:
            addresses = await eventually(
                lambda: re.findall(r"running on (http://[0-9.:]+)", log.read_text()), 30
            )
            yield Running(addresses[0], process, log)
        finally:
            process.kill()
