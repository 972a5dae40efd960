"""Files whose time is over are removed, and what was deleted is purged a day later."""

import logging

from daybook.runtime.mongo import Document, is_unavailable
from daybook.runtime.objects import Objects, ObjectsUnavailable
from daybook.storage.exports import (
    EXPORTS_DELETED,
    EXPORTS_WITH_FILES,
    KEPT_TOMBSTONES,
    folder_of,
)
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

log = logging.getLogger(__name__)

_AT_ONCE = 100


class Expiry:
    """Removes the files of exports past their time, whose record stays, and purges
    what was deleted a day ago; any process may, and again."""

    def __init__(self, exports: AsyncCollection[Document], objects: Objects) -> None:
        self._exports = exports
        self._objects = objects

    async def sweep(self) -> None:
        """Remove what is over; where a server is away, the next time will do."""
        try:
            found = self._exports.find(
                {"has_files": True, "$expr": {"$lte": ["$expires_at", "$$NOW"]}},
                {"_id": 1},
                hint=EXPORTS_WITH_FILES,
                limit=_AT_ONCE,
            )
            async for export in found:
                await remove_files(self._objects, export)
                key = {"_id": export["_id"]}
                await self._exports.update_one(key, {"$unset": {"has_files": 1}})
            await self._purge()
        except ObjectsUnavailable as error:
            log.warning("cannot remove files, will try again: %s", error)
        except PyMongoError as error:
            if not is_unavailable(error):
                raise
            log.warning("cannot look for old files: %s", str(error)[:200])

    async def _purge(self) -> None:
        """With what a worker that woke up late has still written."""
        kept_ms = int(KEPT_TOMBSTONES.total_seconds() * 1000)
        long_ago = {"$subtract": ["$$NOW", kept_ms]}
        found = self._exports.find(
            {
                "deleted_at": {"$exists": True},
                "unannounced": {"$exists": False},
                "$expr": {"$lte": ["$deleted_at", long_ago]},
            },
            {"_id": 1},
            hint=EXPORTS_DELETED,
            limit=_AT_ONCE,
        )
        async for export in found:
            await remove_files(self._objects, export)
            await self._exports.delete_one({"_id": export["_id"]})


async def remove_files(objects: Objects, export: Document) -> None:
    """Remove all objects of an export; raises ``ObjectsUnavailable``."""
    folder = folder_of(export)
    names = [name async for name in objects.list(folder)]
    for name in names:
        await objects.delete(name)
    await objects.discard_unfinished(folder)
