"""The endpoints, as they stand when an event is matched or an attempt is made."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from daybook.runtime.clock import Clock
from daybook.runtime.mongo import Document
from daybook.storage.webhook_endpoints import (
    DEFAULT_MAX_IN_FLIGHT,
    DEFAULT_TIMEOUT_MS,
    VERSION_ID,
    asks_for,
)
from daybook.webhooks.sealing import Box
from pymongo.asynchronous.collection import AsyncCollection

from webhook_dispatcher.schedule import DEFAULT_GAPS_S
from webhook_dispatcher.sender import Target


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What the dispatcher needs of an endpoint; its secrets stay sealed in here."""

    project_id: str
    id: str
    event_types: tuple[str, ...]
    active: bool
    created_at: datetime | None = None
    url: str = ""
    gaps_s: Sequence[float] = DEFAULT_GAPS_S
    max_in_flight: int = DEFAULT_MAX_IN_FLIGHT
    rate_per_second: float | None = None
    timeout_s: float = DEFAULT_TIMEOUT_MS / 1000
    headers: Sequence[Mapping[str, str]] = field(default=(), repr=False)
    secrets: Sequence[Mapping[str, Any]] = field(default=(), repr=False)

    @property
    def key(self) -> str:
        """Its ``_id``."""
        return f"{self.project_id}/{self.id}"

    def asks_for(self, event_type: str) -> bool:
        """Whether it wants events of this type."""
        return asks_for(self.event_types, event_type)

    def target(self, box: Box, now: datetime) -> Target:
        """What an attempt at ``now`` uses; raises ``SealError``."""
        return Target(
            url=self.url,
            secrets=[
                box.open(secret["secret"], self.key)
                for secret in self.secrets
                if secret.get("expires_at") is None or secret["expires_at"] > now
            ],
            headers={
                header["name"]: box.open(header["value"], self.key)
                for header in self.headers
            },
            timeout_s=self.timeout_s,
        )


class Endpoints:
    """All endpoints, in memory, read anew where one version number has moved.

    They are read from the primary: an endpoint that was answered for before an event
    was published is there when that event's batch is matched.
    """

    def __init__(self, endpoints: AsyncCollection[Document]) -> None:
        self._endpoints = endpoints
        self._version: int | None = None
        self._by_key: Mapping[str, Endpoint] = {}
        self._by_project: Mapping[str, Sequence[Endpoint]] = {}

    async def refresh(self) -> None:
        """Make sure of what is known; ask once before each batch.

        Raises ``PyMongoError`` where the database is away: what is known may be old.
        """
        version = await self._ask_version()
        while version != self._version:
            by_project: dict[str, list[Endpoint]] = {}
            live = {"_id": {"$ne": VERSION_ID}, "deleted_at": None}
            async for found in self._endpoints.find(live):
                endpoint = _endpoint(found)
                by_project.setdefault(endpoint.project_id, []).append(endpoint)
            self._by_project, self._version = by_project, version
            self._by_key = {
                endpoint.key: endpoint
                for endpoints in by_project.values()
                for endpoint in endpoints
            }
            # Changed while it was read: what was read may be half old, half new.
            version = await self._ask_version()

    async def _ask_version(self) -> int:
        found = await self._endpoints.find_one({"_id": VERSION_ID})
        return 0 if found is None else found["version"]

    def get(self, key: str) -> Endpoint | None:
        """The endpoint with this ``_id``; None where it was deleted."""
        return self._by_key.get(key)

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._by_key.values())

    def asking_for(self, project_id: str, event_type: str) -> Iterator[Endpoint]:
        """The project's endpoints that want events of this type."""
        for endpoint in self._by_project.get(project_id, ()):
            if endpoint.asks_for(event_type):
                yield endpoint


def _endpoint(found: Mapping[str, Any]) -> Endpoint:
    return Endpoint(
        project_id=found["project_id"],
        id=found["id"],
        event_types=tuple(found["event_types"]),
        active=found["active"],
        created_at=found.get("created_at"),
        url=found.get("url", ""),
        gaps_s=tuple(found.get("retry_schedule_s", DEFAULT_GAPS_S)),
        max_in_flight=found.get("max_in_flight", DEFAULT_MAX_IN_FLIGHT),
        rate_per_second=found.get("rate_limit_per_second"),
        timeout_s=found.get("timeout_ms", DEFAULT_TIMEOUT_MS) / 1000,
        headers=found.get("headers", ()),
        secrets=found.get("secrets", ()),
    )


class DatabaseClock:
    """The database's time, by this machine's and how far they are apart."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead = timedelta(0)

    def __call__(self) -> datetime:
        return self._clock() + self._ahead

    async def ask(self, collection: AsyncCollection[Document]) -> None:
        """Learn how far apart they are; raises ``PyMongoError``."""
        told: dict[str, Any] = await collection.database.command("hello")
        there: datetime = told["localTime"]
        self._ahead = there.replace(tzinfo=self._clock().tzinfo) - self._clock()
