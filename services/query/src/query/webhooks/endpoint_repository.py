"""The ``webhook_endpoints`` collection as query writes it, and their health.

Every change raises the version document in one transaction with it, answered once a
majority has journaled both: whoever keeps endpoints in memory sees all of it or none.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar

from daybook.runtime.mongo import DURABLE, Document, durable
from daybook.storage.collections import COMMANDS, ENDPOINT_HEALTH, WEBHOOK_ENDPOINTS
from daybook.storage.control_plane import WEBHOOK_ENDPOINT_INDEXES
from daybook.storage.indexes import ensure_indexes
from daybook.storage.times import from_ms
from daybook.storage.webhook_endpoints import VERSION_ID
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.read_concern import ReadConcern

from query.cursors import Position
from query.reads import SILENCE_SECONDS

Result = TypeVar("Result")

_NEWEST_FIRST = [("project_id", 1), ("created_at", -1), ("_id", -1)]
_ABSENT = ("description", "public_key", "rate_limit_per_second")


class NoSuchEndpoint(LookupError):
    """There is no webhook endpoint of that id in the project."""

    def __init__(self, endpoint_id: str) -> None:
        self.endpoint_id = endpoint_id
        super().__init__(endpoint_id)


class TooManyEndpoints(Exception):
    """The project has as many webhook endpoints as it may have."""

    def __init__(self, most: int) -> None:
        self.most = most
        super().__init__(most)


class EndpointRepository:
    """Endpoints that were not deleted, each with ``disabled`` of its health.

    All raise TimeoutError when nothing answers, and ``PyMongoError``.
    """

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        stored = durable(database)
        self._client = database.client
        self._endpoints = stored[WEBHOOK_ENDPOINTS]
        self._commands = stored[COMMANDS]
        self._health = database[ENDPOINT_HEALTH]

    async def add(self, endpoint: Document, *, most: int) -> None:
        """Store a new endpoint; :class:`TooManyEndpoints` beside ``most`` others."""

        async def insert(session: AsyncClientSession) -> None:
            live = {"project_id": endpoint["project_id"], "deleted_at": None}
            # Exact: whoever else adds one has raised the version, which conflicts.
            if await self._endpoints.count_documents(live, session=session) >= most:
                raise TooManyEndpoints(most)
            await self._endpoints.insert_one(endpoint, session=session)

        async with asyncio.timeout(SILENCE_SECONDS):
            await ensure_indexes(self._endpoints, WEBHOOK_ENDPOINT_INDEXES)
        await self._in_one(insert)

    async def change(
        self,
        project_id: str,
        endpoint_id: str,
        changed: Callable[[Document], Document],
    ) -> Document:
        """Set what ``changed`` makes of the endpoint; the endpoint as it is then.

        ``changed`` may be called again, where somebody else changed it meanwhile. A
        field that is None is stored as absent. Raises :class:`NoSuchEndpoint`.
        """

        async def update(session: AsyncClientSession) -> Document:
            found = await self._live(project_id, endpoint_id, session)
            fields = changed(found)
            absent = {name: 1 for name in _ABSENT if fields.get(name, "") is None}
            kept = {k: value for k, value in fields.items() if k not in absent}
            change = {"$set": kept} | ({"$unset": absent} if absent else {})
            await self._endpoints.update_one(
                {"_id": found["_id"]}, change, session=session
            )
            return {k: v for k, v in found.items() if k not in absent} | kept

        return (await self._with_health([await self._in_one(update)]))[0]

    async def delete(
        self, project_id: str, endpoint_id: str, command: Document, now: datetime
    ) -> None:
        """Hide the endpoint, forget its secrets, and store the command that ends it.

        Raises :class:`NoSuchEndpoint`.
        """

        async def hide(session: AsyncClientSession) -> None:
            found = await self._live(project_id, endpoint_id, session)
            gone: Document = {
                "deleted_at": now,
                "updated_at": now,
                "secrets": [],
                "headers": [],
            }
            await self._endpoints.update_one(
                {"_id": found["_id"]}, {"$set": gone}, session=session
            )
            await self._commands.insert_one(command, session=session)

        await self._in_one(hide)

    async def get(self, project_id: str, endpoint_id: str) -> Document:
        """One endpoint; raises :class:`NoSuchEndpoint`."""
        async with asyncio.timeout(SILENCE_SECONDS):
            found = await self._live(project_id, endpoint_id)
        return (await self._with_health([found]))[0]

    async def newest(
        self, project_id: str, *, below: Position | None, limit: int
    ) -> list[Document]:
        """At most ``limit`` endpoints below a place in the list, newest first."""
        asked: Document = {"project_id": project_id, "deleted_at": None}
        if below is not None and below.id is not None:
            moment = from_ms(below.ms)
            asked["created_at"] = {"$lte": moment}
            asked["$or"] = [
                {"created_at": {"$lt": moment}},
                {"_id": {"$lt": f"{project_id}/{below.id}"}},
            ]
        async with asyncio.timeout(SILENCE_SECONDS):
            found = await self._endpoints.find(
                asked, sort=_NEWEST_FIRST, limit=limit, batch_size=limit + 1
            ).to_list()
        return await self._with_health(found)

    async def urls(self, keys: Sequence[str]) -> dict[str, str]:
        """Where endpoints are, by ``_id``; deleted ones too."""
        if not keys:
            return {}
        async with asyncio.timeout(SILENCE_SECONDS):
            named = {"_id": {"$in": list(keys)}}
            found = await self._endpoints.find(named, {"url": 1}).to_list()
        return {one["_id"]: one["url"] for one in found}

    async def _live(
        self,
        project_id: str,
        endpoint_id: str,
        session: AsyncClientSession | None = None,
    ) -> Document:
        key = {"_id": f"{project_id}/{endpoint_id}", "deleted_at": None}
        found = await self._endpoints.find_one(key, session=session)
        if found is None:
            raise NoSuchEndpoint(endpoint_id)
        return found

    async def _with_health(self, endpoints: Sequence[Document]) -> list[Document]:
        keys = [endpoint["_id"] for endpoint in endpoints]
        async with asyncio.timeout(SILENCE_SECONDS):
            named = {"_id": {"$in": keys}}
            found = await self._health.find(named, {"disabled": 1}).to_list()
        disabled = {one["_id"]: one.get("disabled") for one in found}
        return [one | {"disabled": disabled.get(one["_id"])} for one in endpoints]

    async def _in_one(
        self, work: Callable[[AsyncClientSession], Awaitable[Result]]
    ) -> Result:
        """Do it and raise the version, both or neither."""

        async def both(session: AsyncClientSession) -> Result:
            await self._endpoints.update_one(
                {"_id": VERSION_ID}, {"$inc": {"version": 1}}, True, session=session
            )
            return await work(session)

        async with (
            asyncio.timeout(SILENCE_SECONDS),
            self._client.start_session() as session,
        ):
            return await session.with_transaction(
                both, read_concern=ReadConcern("snapshot"), write_concern=DURABLE
            )
