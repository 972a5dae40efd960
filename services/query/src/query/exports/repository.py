"""The ``exports`` collection as query reads it, and adds to it."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from daybook.runtime.mongo import Document, durable
from daybook.storage.collections import COMMANDS, EXPORTS
from daybook.storage.commands import EXPORTER
from daybook.storage.exports import ensure_exports
from pymongo.asynchronous.database import AsyncDatabase

from query.api.errors import ApiError
from query.reads import SILENCE_SECONDS

# Long lists, which a list of exports shows nothing of.
_LISTED: Final = {"parts": 0, "keys": 0, "cursor": 0}


class Exports:
    """The exports of a project; all raise TimeoutError when the database is silent.

    One whose deletion was asked for is nowhere from then on, on any process.
    """

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._exports = durable(database)[EXPORTS]
        self._commands = database[COMMANDS]
        self._prepared = False

    async def add(self, export: Document) -> None:
        """Store a new one with majority."""
        async with asyncio.timeout(SILENCE_SECONDS):
            if not self._prepared:
                await ensure_exports(self._exports)
                self._prepared = True
            await self._exports.insert_one(export)

    async def find(self, project_id: str, export_id: str) -> Document:
        """An export of the project; raises the API's 404."""
        async with asyncio.timeout(SILENCE_SECONDS):
            visible = await self._visible(
                project_id, {"parameters.export_id": export_id}
            )
            found = await self._exports.find_one(
                {"$and": [{"_id": f"{project_id}/{export_id}"}, visible]}
            )
        if found is None:
            raise ApiError(
                HTTPStatus.NOT_FOUND,
                "export_not_found",
                f"There is no export {export_id} in this project. `GET /v1/exports` "
                "lists what is there.",
                resource=("export", export_id),
            )
        return found

    async def visible(self, project_id: str) -> Mapping[str, Any]:
        """What every export of the project meets that may be shown now."""
        async with asyncio.timeout(SILENCE_SECONDS):
            return await self._visible(project_id, {})

    async def newest(
        self, conditions: Mapping[str, Any], *, direction: int, skip: int, limit: int
    ) -> Sequence[Document]:
        """Those that meet the conditions, as lists show them; -1 is newest first."""
        async with asyncio.timeout(SILENCE_SECONDS):
            return await self._exports.find(
                conditions,
                _LISTED,
                sort=[("created_at", direction), ("_id", direction)],
                skip=skip,
                limit=limit,
                batch_size=limit + 1,
            ).to_list()

    async def count(self, conditions: Mapping[str, Any]) -> int:
        """How many meet the conditions."""
        async with asyncio.timeout(SILENCE_SECONDS):
            return await self._exports.count_documents(conditions)

    async def _visible(self, project_id: str, which: Mapping[str, Any]) -> Document:
        # Read before the exports: a deletion that is carried out in between has made a
        # tombstone by then, which the other order would miss.
        asked = {
            "service": EXPORTER,
            "status": "ACCEPTED",
            "kind": "export.delete",
            "project_id": project_id,
            **which,
        }
        # Few are open at any time, and the index holds no others.
        found = self._commands.find(asked, {"parameters.export_id": 1})
        going = [one["parameters"]["export_id"] async for one in found]
        visible = {"project_id": project_id, "deleted_at": {"$exists": False}}
        return visible | ({"id": {"$nin": going}} if going else {})
