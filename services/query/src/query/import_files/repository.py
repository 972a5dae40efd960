"""The ``import_files`` collection: what is known of every file that was uploaded.

A document holds, beside ``_id`` (``PROJECT/ID``): project_id id name content_type size
sha256 created_at. Its object is stored before it is, so what a document names is there.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from daybook.runtime.mongo import Document, durable
from daybook.storage.collections import IMPORT_FILES
from daybook.storage.control_plane import IMPORT_FILE_INDEXES
from daybook.storage.indexes import ensure_indexes
from daybook.storage.times import from_ms
from pymongo.asynchronous.database import AsyncDatabase

from query.cursors import Position

# A database that has not answered by then is away.
SILENCE_SECONDS = 5.0
_NEWEST_FIRST = [("project_id", 1), ("created_at", -1), ("_id", -1)]


@dataclass(frozen=True, slots=True)
class ImportFile:
    """A file as it was uploaded: whole, and never changed after."""

    project_id: str
    id: str
    name: str
    content_type: str
    size: int
    sha256: str
    created_at: datetime


class ImportFiles:
    """Import files by project; every write is answered with majority."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._files = durable(database)[IMPORT_FILES]

    async def add(self, file: ImportFile) -> None:
        """Store a new file's document."""
        async with asyncio.timeout(SILENCE_SECONDS):
            await ensure_indexes(self._files, IMPORT_FILE_INDEXES)
            await self._files.insert_one(
                {"_id": _key(file.project_id, file.id), **asdict(file)}
            )

    async def get(self, project_id: str, file_id: str) -> ImportFile | None:
        """One file of the project."""
        async with asyncio.timeout(SILENCE_SECONDS):
            found = await self._files.find_one({"_id": _key(project_id, file_id)})
        return None if found is None else _file(found)

    async def newest(
        self, project_id: str, *, below: Position | None, limit: int
    ) -> Sequence[ImportFile]:
        """At most ``limit`` files below a place in the list, newest first."""
        asked: Document = {"project_id": project_id}
        if below is not None and below.id is not None:
            moment = from_ms(below.ms)
            asked["created_at"] = {"$lte": moment}
            asked["$or"] = [
                {"created_at": {"$lt": moment}},
                {"_id": {"$lt": _key(project_id, below.id)}},
            ]
        async with asyncio.timeout(SILENCE_SECONDS):
            found = await self._files.find(
                asked, sort=_NEWEST_FIRST, limit=limit, batch_size=limit + 1
            ).to_list()
        return [_file(document) for document in found]


def _key(project_id: str, file_id: str) -> str:
    # No project's id has a slash, so no id reaches into another project.
    return f"{project_id}/{file_id}"


def _file(document: Document) -> ImportFile:
    return ImportFile(**{name: document[name] for name in ImportFile.__slots__})
