"""An exporter's surroundings: database, storage, documents to export."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from daybook.runtime.mongo import durable
from daybook.storage.exports import ensure_exports
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

Document = dict[str, Any]


@pytest_asyncio.fixture
async def database(
    mongo_client: AsyncMongoClient[Document], database_name: str
) -> AsyncIterator[AsyncDatabase[Document]]:
    """An empty database with the indexes of exports."""
    made = durable(mongo_client[database_name])
    await ensure_exports(made["exports"])
    yield made
