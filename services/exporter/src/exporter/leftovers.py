"""What claims before the last one left behind is removed once an export has ended.

A worker that was killed between storing a part and listing it, or in the middle of
storing it, leaves objects that no document names; so does one that was frozen and
wakes up after the end. Whoever ends an export looks for them at once, and this again
after a while, by when nobody is at work on it any more.
"""

import logging
from datetime import timedelta

from daybook.runtime.mongo import Document, is_unavailable
from daybook.runtime.objects import Objects, ObjectsUnavailable
from daybook.storage.exports import EXPORTS_UNSWEPT, folder_of, listed_objects
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

log = logging.getLogger(__name__)

_AT_ONCE = 100


class Leftovers:
    """Removes objects that no export lists; any process may, and again.

    ``after``: how long after an export's end; a lease at least.
    """

    def __init__(
        self,
        exports: AsyncCollection[Document],
        objects: Objects,
        after: timedelta,
    ) -> None:
        self._exports = exports
        self._objects = objects
        self._after_ms = int(after.total_seconds() * 1000)

    async def sweep(self) -> None:
        """Remove what is there; where a server is away, the next time will do."""
        long_ago = {"$subtract": ["$$NOW", self._after_ms]}
        try:
            found = self._exports.find(
                {"unswept": True, "$expr": {"$lte": ["$finished_at", long_ago]}},
                {"parts": 1, "parameters": 1, "file": 1},
                hint=EXPORTS_UNSWEPT,
                limit=_AT_ONCE,
            )
            async for export in found:
                await self._tidy(export)
                key = {"_id": export["_id"]}
                await self._exports.update_one(key, {"$unset": {"unswept": 1}})
        except ObjectsUnavailable as error:
            log.warning("cannot remove what was left behind: %s", error)
        except PyMongoError as error:
            if not is_unavailable(error):
                raise
            log.warning("cannot look for what was left behind: %s", str(error)[:200])

    async def _tidy(self, export: Document) -> None:
        folder, listed = folder_of(export), listed_objects(export)
        names = [name async for name in self._objects.list(folder)]
        for name in names:
            if name not in listed:
                await self._objects.delete(name)
        await self._objects.discard_unfinished(folder)
