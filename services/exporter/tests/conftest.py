"""An exporter's surroundings: database, storage, documents to export."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest_asyncio
from daybook.exports.parameters import read_parameters
from daybook.runtime.clock import monotonic
from daybook.runtime.mongo import durable
from daybook.runtime.objects import Objects
from daybook.runtime.tracing import NO_TRACER, Tracer
from daybook.storage.exports import ensure_exports, folder_of, new_export, text_part
from daybook.storage.logs import ensure_logs
from daybook.storage.sendouts import ensure_sendouts
from daybook.storage.tasks import ensure_tasks
from daybook.testing.stored_logs import stored_log
from daybook.testing.waiting import eventually
from exporter.jobs import Jobs, Limits
from exporter.run import Exports
from exporter.storing import Storage
from exporter.tools import Tools
from exporter.waiting import Watermarks
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

Document = dict[str, Any]
Progressed = Callable[[Document, int], None]

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
TIERS = {"shared": timedelta(days=180)}


@pytest_asyncio.fixture
async def database(
    mongo_client: AsyncMongoClient[Document], database_name: str
) -> AsyncIterator[AsyncDatabase[Document]]:
    """An empty database with the indexes of exports."""
    made = durable(mongo_client[database_name])
    await ensure_exports(made["exports"])
    yield made


@dataclass
class Told:
    """Notices, handed on to the test in the moment that they are given."""

    on_progress: Progressed | None

    def started(self, export: Document) -> None: ...

    def progressed(self, export: Document, rows: int, expected: int | None) -> None:
        if self.on_progress is not None:
            self.on_progress(export, rows)

    def over(self, export: Document) -> None: ...


@dataclass
class World:
    """A database and a storage, and exporters that run in them."""

    database: AsyncDatabase[Document]
    objects: Objects

    async def store_logs(self, count: int) -> None:
        """So many, seven a second."""
        begun = NOW - timedelta(days=2)
        await self.database["logs"].insert_many(
            [
                stored_log(f"l-{n:05d}", begun + timedelta(seconds=n // 7))
                for n in range(count)
            ]
        )

    async def ask(self, name: str = "api_log", form: str = "CSV") -> Document:
        """An export that is to be run, of ids alone where there are many logs."""
        fields = ["id"] if name == "api_log" else None
        read = read_parameters(
            {
                "exported_object": name,
                "response_format": form,
                "parameters": {"fields": fields},
            }
        )
        number = await self.database["exports"].count_documents({})
        export = new_export("shop", f"exp_{number}", read, "API", None, NOW, None)
        await self.database["exports"].insert_one(export)
        return export

    def exporter(
        self,
        owner: str = "one",
        on_progress: Progressed | None = None,
        *,
        patience_s: float = 20.0,
        lease_s: float = 20.0,
        tracer: Tracer = NO_TRACER,
    ) -> Exports:
        """One whose parts hold one group of rows each."""
        random = Random(1)
        lease = timedelta(seconds=lease_s)

        async def no_partitions() -> list[int]:
            return []

        tools = Tools(
            database=self.database,
            storage=Storage(
                self.objects, timedelta(seconds=patience_s), random, monotonic
            ),
            watermarks=Watermarks(
                self.database["watermarks"],
                "daybook.requests.v1",
                no_partitions,
                monotonic,
                longest=timedelta(0),
            ),
            notices=Told(on_progress),
            random=random,
            count_within=timedelta(seconds=5),
            part_bytes=16 * 1024 * 1024,
            part_rows=1,
            tracer=tracer,
        )
        jobs = Jobs(
            self.database["exports"],
            self.database["export_slots"],
            owner,
            lease,
            Limits(at_once=4, of_a_project=4),
        )
        return Exports(
            jobs,
            tools,
            at_once=2,
            renew_every=lease / 3,
            ended=lambda _status: None,
            poll_every=timedelta(milliseconds=50),
        )

    @asynccontextmanager
    async def running(self, exporter: Exports) -> AsyncGenerator[Exports]:
        loop = asyncio.create_task(exporter.run())
        try:
            yield exporter
        finally:
            await exporter.stop()
            await loop

    async def document(self, export: Document) -> Document:
        found = await self.database["exports"].find_one({"_id": export["_id"]})
        assert found is not None
        return found

    async def ended(self, export: Document) -> Document:
        """The export once it has ended, whoever runs it."""

        async def ended() -> Document | None:
            found = await self.document(export)
            return found if found["status"] in ("DONE", "ERROR") else None

        found = await eventually(ended, within=30)
        assert found is not None
        return found

    async def run(self, export: Document, exporter: Exports | None = None) -> Document:
        async with self.running(exporter or self.exporter()):
            return await self.ended(export)

    async def names(self, export: Document) -> list[str]:
        """The objects of an export, without their folder."""
        folder = folder_of(export)
        found = [one async for one in self.objects.list(folder)]
        return sorted(one.removeprefix(folder) for one in found)

    async def read(self, name: str) -> bytes:
        stored = await self.objects.get(name)
        return b"".join([chunk async for chunk in stored.chunks])

    async def text(self, export: Document) -> bytes:
        """What a download gives."""
        names = [text_part(export, part) for part in export["parts"]]
        return b"".join([await self.read(name) for name in names])


@pytest_asyncio.fixture
async def world(database: AsyncDatabase[Document], tmp_path: Path) -> World:
    await ensure_logs(database["logs"], TIERS)
    await ensure_sendouts(database["sendouts"], TIERS)
    await ensure_tasks(database["tasks"], database["task_failed_rows"])
    return World(database, Objects(str(tmp_path / "objects")))
