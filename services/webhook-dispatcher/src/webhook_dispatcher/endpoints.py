"""The endpoints, as they stand when an event is matched with them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daybook.runtime.mongo import Document
from daybook.storage.webhook_endpoints import VERSION_ID, asks_for
from pymongo.asynchronous.collection import AsyncCollection


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What matching needs of an endpoint."""

    project_id: str
    id: str
    event_types: tuple[str, ...]
    active: bool

    @property
    def key(self) -> str:
        """Its ``_id``."""
        return f"{self.project_id}/{self.id}"


class Endpoints:
    """All endpoints, in memory, read anew where one version number has moved.

    Both collections are read from the primary: an endpoint that was answered for before
    an event was published is there when that event's batch is matched.
    """

    def __init__(self, endpoints: AsyncCollection[Document]) -> None:
        self._endpoints = endpoints
        self._version: int | None = None
        self._by_project: Mapping[str, Sequence[Endpoint]] = {}

    async def refresh(self) -> None:
        """Make sure of what is known; ask once before each batch.

        Raises ``PyMongoError`` where the database is away: what is known may be old.
        """
        version = await self._ask_version()
        while version != self._version:
            by_project: dict[str, list[Endpoint]] = {}
            async for found in self._endpoints.find(
                {"_id": {"$ne": VERSION_ID}, "deleted_at": None},
                {"project_id": 1, "id": 1, "event_types": 1, "active": 1},
            ):
                endpoint = _endpoint(found)
                by_project.setdefault(endpoint.project_id, []).append(endpoint)
            self._by_project, self._version = by_project, version
            # Changed while it was read: what was read may be half old, half new.
            version = await self._ask_version()

    async def _ask_version(self) -> int:
        found = await self._endpoints.find_one({"_id": VERSION_ID})
        return 0 if found is None else found["version"]

    def asking_for(self, project_id: str, event_type: str) -> Iterator[Endpoint]:
        """The project's endpoints that want events of this type."""
        for endpoint in self._by_project.get(project_id, ()):
            if asks_for(endpoint.event_types, event_type):
                yield endpoint


def _endpoint(found: Mapping[str, Any]) -> Endpoint:
    return Endpoint(
        found["project_id"], found["id"], tuple(found["event_types"]), found["active"]
    )
