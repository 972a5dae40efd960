"""Exports as query reads them, and makes them: SCHEDULED, for the exporter to run."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from daybook.runtime.mongo import Document, durable
from daybook.storage.collections import COMMANDS, EXPORTS
from daybook.storage.commands import EXPORTER
from daybook.storage.exports import ensure_exports
from pymongo.asynchronous.database import AsyncDatabase

from query.api.errors import ApiError
from query.reads import SILENCE_SECONDS

# What a page's number may lead to at most; beyond it a filter is the way.
FURTHEST_ROW: Final = 10_000
ORDERS: Final[Mapping[str, Sequence[tuple[str, int]]]] = {
    "-created_at": [("created_at", -1), ("_id", -1)],
    "created_at": [("created_at", 1), ("_id", 1)],
    "-status": [("status", -1), ("created_at", -1), ("_id", -1)],
    "status": [("status", 1), ("created_at", 1), ("_id", 1)],
}


@dataclass(frozen=True, slots=True)
class ExportPage:
    """Exports of one page, and how many there are in all."""

    exports: Sequence[Document]
    total: int


class Exports:
    """The exports of a project; all raise TimeoutError when the database is silent."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._exports = durable(database)[EXPORTS]
        self._commands = durable(database)[COMMANDS]
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
        key = {"_id": f"{project_id}/{export_id}", "deleted_at": {"$exists": False}}
        async with asyncio.timeout(SILENCE_SECONDS):
            found = await self._exports.find_one(key)
            hidden = await self._hidden(project_id)
        if found is None or export_id in hidden:
            raise ApiError(
                HTTPStatus.NOT_FOUND,
                "export_not_found",
                f"There is no export {export_id} in this project.",
                resource=("export", export_id),
            )
        return found

    async def page(
        self,
        project_id: str,
        filters: Mapping[str, Any],
        *,
        order: str,
        page: int,
        limit: int,
    ) -> ExportPage:
        """One page by its number, from 1."""
        asked: Document = {
            "project_id": project_id,
            "deleted_at": {"$exists": False},
            **filters,
        }
        async with asyncio.timeout(SILENCE_SECONDS):
            if hidden := await self._hidden(project_id):
                asked["id"] = {"$nin": hidden}
            found = await self._exports.find(
                asked,
                # Long lists, which a page of exports shows nothing of.
                {"parts": 0, "keys": 0, "cursor": 0},
                sort=list(ORDERS[order]),
                skip=(page - 1) * limit,
                limit=limit,
            ).to_list()
            total = await self._exports.count_documents(asked)
        return ExportPage(found, total)

    async def _hidden(self, project_id: str) -> list[str]:
        """Ids of those whose deletion was asked for and is not done yet."""
        asked = {
            "service": EXPORTER,
            "status": "ACCEPTED",
            "kind": "export.delete",
            "project_id": project_id,
        }
        # The index is there as soon as anybody gave a command.
        found = self._commands.find(asked, {"parameters.export_id": 1})
        return [one["parameters"]["export_id"] async for one in found]
