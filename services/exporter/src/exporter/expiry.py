"""Files whose time is over are removed; what they were stays on record."""

import logging

from daybook.runtime.mongo import Document, is_unavailable
from daybook.runtime.objects import Objects, ObjectsUnavailable
from daybook.storage.exports import EXPORTS_WITH_FILES, folder_of
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

log = logging.getLogger(__name__)

_AT_ONCE = 100


class Expiry:
    """Removes the files of exports past their time; any process may, and again."""

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
                names = [name async for name in self._objects.list(folder_of(export))]
                for name in names:
                    await self._objects.delete(name)
                key = {"_id": export["_id"]}
                await self._exports.update_one(key, {"$unset": {"has_files": 1}})
        except ObjectsUnavailable as error:
            log.warning("cannot remove files, will try again: %s", error)
        except PyMongoError as error:
            if not is_unavailable(error):
                raise
            log.warning("cannot look for old files: %s", str(error)[:200])
