"""What became of endpoints: disabled, and by what; the dispatcher's own collection."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from daybook.runtime.mongo import Document
from pymongo.asynchronous.collection import AsyncCollection


class Health:
    """Reads and writes ``endpoint_health``. All raise ``PyMongoError``."""

    def __init__(self, health: AsyncCollection[Document], give_up_after: int) -> None:
        self._health = health
        self._give_up_after = give_up_after

    async def disabled(self, keys: Iterable[str]) -> set[str]:
        """Which of these endpoints are disabled now."""
        named = {"_id": {"$in": list(keys)}, "disabled": {"$ne": None}}
        return {found["_id"] async for found in self._health.find(named, {"_id": 1})}

    async def disable(self, key: str, reason: str) -> bool:
        """Take no more deliveries; False where it was so already. Its reason stays."""
        disabled = {"at": "$$NOW", "reason": {"$literal": reason}}
        result = await self._health.update_one(
            {"_id": key},
            [{"$set": {"disabled": {"$ifNull": ["$disabled", disabled]}}}],
            upsert=True,
        )
        return bool(result.modified_count or result.upserted_id)

    async def enable(self, key: str) -> None:
        """Take deliveries again, with nothing held against it."""
        await self._health.update_one(
            {"_id": key}, {"$unset": {"disabled": 1, "exhausted": 1}}, upsert=True
        )

    async def exhausted(self, key: str, sendout_id: str) -> bool:
        """Note a sendout that was given up; whether that is one too many.

        The same sendout counts once, however often it is told.
        """
        noted: dict[str, Any] | None = await self._health.find_one_and_update(
            {"_id": key},
            {"$addToSet": {"exhausted": sendout_id}},
            upsert=True,
            return_document=True,
        )
        given_up: list[str] = [] if noted is None else noted["exhausted"]
        return len(given_up) >= self._give_up_after

    async def delivered(self, key: str) -> None:
        """Forget what was given up before: it answers."""
        await self._health.update_one(
            {"_id": key, "exhausted": {"$exists": True}}, {"$unset": {"exhausted": 1}}
        )

    async def disabled_since(self, key: str) -> datetime | None:
        """When it was disabled, where it is."""
        found = await self._health.find_one({"_id": key}, {"disabled": 1})
        disabled: Document | None = (found or {}).get("disabled")
        return None if disabled is None else disabled["at"]
