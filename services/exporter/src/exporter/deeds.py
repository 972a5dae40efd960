"""The commands of the exporter, each safe to do again."""

from typing import Any

from daybook.runtime.commands import CannotBeDone, Deed
from daybook.runtime.mongo import Document
from daybook.runtime.objects import Objects
from daybook.storage.exports import KEPT_FILES
from pymongo.asynchronous.collection import AsyncCollection

from exporter.expiry import remove_files
from exporter.jobs import ENDED

CANCELLED = "cancelled"
_OPEN = ("SCHEDULED", "IN_PROGRESS")
_LEFT = ("waiting", "cursor", "leased_until", "claimed_by")


class Deeds:
    """Cancels and deletes exports; a runner finds its next write fenced."""

    def __init__(self, exports: AsyncCollection[Document], objects: Objects) -> None:
        self._exports = exports
        self._objects = objects

    def by_kind(self) -> dict[str, Deed]:
        """Each deed by the kind of its command."""
        return {"export.cancel": self.cancel, "export.delete": self.delete}

    async def cancel(self, command: Document) -> str | None:
        """End an export that has not ended; one that has stays as it is."""
        key = _key(command)
        if await self._end(key):
            return None
        found = await self._exports.find_one(
            {"_id": key, "deleted_at": {"$exists": False}}, {"status": 1}
        )
        if found is None:
            raise CannotBeDone("there is no such export: it was deleted")
        return f"it had ended before, as {found['status']}"

    async def delete(self, command: Document) -> str | None:
        """Hide an export for good, and remove its files."""
        key = _key(command)
        await self._end(key)
        hidden: Document = {"deleted_at": "$$NOW", "claim": {"$add": ["$claim", 1]}}
        await self._exports.update_one(
            {"_id": key, "deleted_at": {"$exists": False}}, [{"$set": hidden}]
        )
        await remove_files(self._objects, {"_id": key})
        return None

    async def _end(self, key: str) -> bool:
        """Whether it was open until now."""
        kept_ms = int(KEPT_FILES.total_seconds() * 1000)
        ended: Document = {
            "status": "ERROR",
            "error": {"$literal": {"message": CANCELLED}},
            "cancelled": True,
            # Whoever runs it comes too late from here on.
            "claim": {"$add": ["$claim", 1]},
            "expires_at": {"$add": ["$$NOW", kept_ms]},
            **ENDED,
            **dict.fromkeys(_LEFT, "$$REMOVE"),
        }
        result = await self._exports.update_one(
            {"_id": key, "status": {"$in": list(_OPEN)}}, [{"$set": ended}]
        )
        return result.matched_count > 0


def _key(command: Document) -> str:
    parameters: dict[str, Any] = command["parameters"]
    return f"{command['project_id']}/{parameters['export_id']}"
