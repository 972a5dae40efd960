"""Projects and API keys in MongoDB: every query of the control plane."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, cast

from daybook.runtime.mongo import DURABLE, Document, durable
from daybook.storage.collections import API_KEYS, COMMANDS, PROJECTS
from daybook.storage.commands import (
    REPLACED,
    CommandKind,
    command_document,
    ensure_commands,
    service_of,
)
from daybook.storage.control_plane import API_KEY_INDEXES
from daybook.storage.indexes import ensure_indexes
from daybook.storage.projects import ProjectDocument
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from query.keys import ApiKey

# A database that has not named one key by then is away.
SILENCE_SECONDS = 5.0


class ProjectExists(Exception):
    """The project exists already."""


class NoSuchProject(LookupError):
    """Nobody created the project."""


class ControlPlane:
    """What people create for themselves; every write is answered with majority."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        stored = durable(database)
        self._projects = stored[PROJECTS]
        self._keys = stored[API_KEYS]
        self._commands = stored[COMMANDS]
        self._client = database.client

    async def create_project(self, project: ProjectDocument) -> None:
        """Store a new project; :class:`ProjectExists` when its id is taken."""
        try:
            await self._projects.insert_one(cast("Document", project))
        except DuplicateKeyError as error:
            raise ProjectExists from error

    async def projects(self) -> AsyncIterator[ProjectDocument]:
        """Every project, by id."""
        async for document in self._projects.find().sort("_id", 1):
            yield cast("ProjectDocument", document)

    async def move_project(
        self,
        project_id: str,
        tier: str,
        ids: Mapping[CommandKind, str],
        now: datetime,
    ) -> list[Document]:
        """Give the project another tier, with the commands that make what is stored of
        it follow, of these kinds and ids; those of a former move end. All of it or
        nothing.

        Raises :class:`NoSuchProject`.
        """
        former = {
            "service": {"$in": [service_of(kind) for kind in ids]},
            "project_id": project_id,
            "kind": {"$in": list(ids)},
            "status": "ACCEPTED",
        }
        replaced = {"status": "FAILED", "message": REPLACED, "finished_at": now}

        async def move(session: AsyncClientSession) -> list[Document]:
            found = await self._projects.find_one_and_update(
                {"_id": project_id}, {"$set": {"tier": tier}}, session=session
            )
            if found is None:
                raise NoSuchProject(project_id)
            await self._commands.update_many(
                former, {"$set": replaced}, session=session
            )
            drafts = [
                command_document(
                    project_id,
                    command_id,
                    kind,
                    {"tier": tier, "former": found["tier"]},
                    now,
                )
                for kind, command_id in ids.items()
            ]
            await self._commands.insert_many(drafts, session=session)
            return drafts

        await ensure_commands(self._commands)
        async with self._client.start_session() as session:
            return await session.with_transaction(move, write_concern=DURABLE)

    async def command(self, identity: str) -> Document | None:
        """One command, by its ``_id``."""
        return await self._commands.find_one({"_id": identity})

    async def project_exists(self, project_id: str) -> bool:
        found = await self._projects.find_one({"_id": project_id}, {"_id": 1})
        return found is not None

    async def add_key(self, key: ApiKey) -> None:
        """Store a new key."""
        await ensure_indexes(self._keys, API_KEY_INDEXES)
        await self._keys.insert_one(
            {
                "_id": key.id,
                "project_id": key.project_id,
                "name": key.name,
                "secret_sha256": key.secret_sha256,
                "created_at": key.created_at,
            }
        )

    async def key(self, key_id: str) -> ApiKey | None:
        """One key, revoked or not."""
        async with asyncio.timeout(SILENCE_SECONDS):
            document = await self._keys.find_one({"_id": key_id})
        return None if document is None else _key(document)

    async def keys(self, project_id: str) -> AsyncIterator[ApiKey]:
        """A project's keys, the newest first, revoked ones too."""
        cursor = self._keys.find({"project_id": project_id})
        async for document in cursor.sort([("created_at", -1), ("_id", -1)]):
            yield _key(document)

    async def revoke_key(self, key_id: str, now: datetime) -> bool:
        """End a key; False when there is none. The first revocation's time stays."""
        result = await self._keys.update_one(
            {"_id": key_id},
            [{"$set": {"revoked_at": {"$ifNull": ["$revoked_at", now]}}}],
        )
        return result.matched_count == 1


def _key(document: dict[str, Any]) -> ApiKey:
    return ApiKey(
        id=document["_id"],
        project_id=document["project_id"],
        name=document["name"],
        secret_sha256=document["secret_sha256"],
        created_at=document["created_at"],
        revoked_at=document.get("revoked_at"),
    )
