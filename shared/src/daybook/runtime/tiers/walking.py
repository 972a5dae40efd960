"""A project's documents in one collection, in batches, the oldest first."""

from datetime import datetime
from typing import Any, Final

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.errors import CursorNotFound

from daybook.runtime.mongo import Document
from daybook.storage.tier_walks import TierWalk
from daybook.storage.times import from_ms, hour_of, to_ms

_HOUR_MS: Final = 3_600_000


class Walking:
    """One walk of one project, from a position on, to what was made by ``until``.

    A position is a value of the walk's ``by``: from one that was reached, some that
    were seen are seen again.
    """

    def __init__(
        self,
        collection: AsyncCollection[Document],
        walk: TierWalk,
        project_id: str,
        *,
        position: Any,
        until: datetime,
        at_once: int,
    ) -> None:
        self.collection = collection
        self.walk = walk
        self.position = position
        self.batch: list[Document] = []
        self._project_id = project_id
        until_ms = to_ms(until)
        self._until = hour_of(until_ms) if walk.by == "hour" else from_ms(until_ms)
        self._at_once = at_once
        self._cursor = self._open()

    def _open(self) -> AsyncCursor[Document]:
        between: Document = {"$lte": self._until}
        if self.position is not None:
            between["$gte"] = self.position
        return self.collection.find(
            {"project_id": self._project_id, self.walk.by: between},
            {"tier": 1, self.walk.by: 1},
            sort=[(self.walk.by, 1)],
            hint=self.walk.index,
            batch_size=self._at_once,
        )

    async def advance(self) -> bool:
        """Read the next batch; whether there is one. Raises ``PyMongoError``."""
        try:
            self.batch = await self._cursor.to_list(self._at_once)
        except CursorNotFound:  # the pause was long, or the server let go of it
            self._cursor = self._open()
            self.batch = await self._cursor.to_list(self._at_once)
        if self.batch:
            self.position = self.batch[-1][self.walk.by]
        return bool(self.batch)

    async def close(self) -> None:
        """Let go of the cursor."""
        await self._cursor.close()

    @property
    def oldest_ms(self) -> int:
        """When the oldest document of the batch was made."""
        oldest: datetime | int = self.batch[0][self.walk.by]
        return oldest * _HOUR_MS if isinstance(oldest, int) else to_ms(oldest)
