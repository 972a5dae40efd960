"""What every page about exports is tested with: a service, and its exports."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from daybook.runtime.mongo import Document
from daybook.testing.stored_exports import store_export
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from pymongo.asynchronous.database import AsyncDatabase
from query.app import Surroundings, create_app
from query.settings import QuerySettings

Database = AsyncDatabase[Document]
Store = Callable[..., Awaitable[Document]]
TYPES = {"id": "text", "n": "integer", "request_body": "text"}


@pytest.fixture
def settings(tmp_path: Path) -> QuerySettings:
    return QuerySettings(
        session_secret=SecretStr("a secret of enough letters"),
        storage_url=str(tmp_path / "objects"),
        browse_cache=tmp_path / "cache",
        # What goes by is the stopwatch of the test: time is over when it says so.
        browse_budget=timedelta(seconds=30),
    )


@pytest.fixture
def app(database: Database, settings: QuerySettings, time: Any) -> FastAPI:
    # No exporter is there, so nobody has to be waited for.
    surroundings = Surroundings(
        clock=time.clock, stopwatch=time.stopwatch, patience=timedelta(milliseconds=50)
    )
    return create_app(
        settings, database, registry=CollectorRegistry(), surroundings=surroundings
    )


@pytest.fixture
def stored(database: Database, tmp_path: Path, now: datetime) -> Store:
    """Stores an export with these rows, done unless the fields say otherwise."""

    async def store(
        export_id: str, rows: Sequence[Document] = (), **fields: Any
    ) -> Document:
        values: Document = {"finished_at": now, "id": export_id, **fields}
        export = store_export(tmp_path / "objects", TYPES, [rows], **values)
        await database["exports"].insert_one(export)
        return export

    return store
