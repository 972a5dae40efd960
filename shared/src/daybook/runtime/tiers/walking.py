"""A project's documents in one collection, in batches, the oldest first."""

from datetime import datetime
from typing import Any, Final

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.errors import CursorNotFound

from daybook.runtime.mongo import Document
from daybook.storage.tier_walks import TierWalk
from daybook.storage.times import to_ms

# Stamped in one transaction, which others' writes of the same documents wait for.
BATCH: Final = 500
_HOUR_MS: Final = 3_600_000


class Walking:
    """One walk of one project, from a position on; ``batch`` is what comes next.

    A position is a value of the walk's ``by``: from one that was reached, some that
    were seen are seen again.
    """

    def __init__(
        self,
        collection: AsyncCollection[Document],
        walk: TierWalk,
        project_id: str,
        position: Any,
        most: int = BATCH,
    ) -> None:
        self.collection = collection
        self.walk = walk
        self.position = position
        self.batch: list[Document] = []
        self._project_id = project_id
        self._most = most
        self._cursor = self._open()

    def _open(self) -> AsyncCursor[Document]:
        asked: Document = {"project_id": self._project_id}
        if self.position is not None:
            asked[self.walk.by] = {"$gte": self.position}
        return self.collection.find(
            asked,
            dict.fromkeys(("tier", self.walk.by, self.walk.expires_by), 1),
            sort=[(self.walk.by, 1)],
            hint=self.walk.index,
            batch_size=self._most,
        )

    async def advance(self) -> None:
        """Read the next batch, an empty one at the end. Raises ``PyMongoError``."""
        try:
            self.batch = await self._cursor.to_list(self._most)
        except CursorNotFound:  # another collection was walked for long
            self._cursor = self._open()
            self.batch = await self._cursor.to_list(self._most)
        if self.batch:
            self.position = self.batch[-1][self.walk.by]

    async def close(self) -> None:
        """Let go of the cursor."""
        await self._cursor.close()

    @property
    def at_ms(self) -> int:
        """How old the batch is: when its oldest document was made."""
        oldest: datetime | int = self.batch[0][self.walk.by]
        return oldest * _HOUR_MS if isinstance(oldest, int) else to_ms(oldest)
