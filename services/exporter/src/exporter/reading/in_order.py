"""Logs, sendouts and attempts: read along an index, in the order of the export."""

import logging
from collections.abc import AsyncGenerator, Mapping
from random import Random
from typing import Any

from daybook.exports.conditions import Selection
from daybook.runtime.mongo import Document
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.command_cursor import AsyncRawBatchCommandCursor
from pymongo.asynchronous.cursor import AsyncRawBatchCursor
from pymongo.errors import PyMongoError

from exporter.patience import Pauses, may_go_on
from exporter.reading.groups import BATCH_ROWS, Cutter, Group, last_of
from exporter.reading.stretches import Order, conditions, place_after
from exporter.rows import ATTEMPTS, HISTORY

log = logging.getLogger(__name__)

# Raw batches are bytes, which the driver's types do not say.
_Cursor = AsyncRawBatchCursor[Any] | AsyncRawBatchCommandCursor[Any]


class InOrder:
    """Reads what a selection selects, as raw batches of at most 16 MB.

    ``collection`` reads with majority. A database that goes away is waited for, and
    the reading goes on where it was.
    """

    def __init__(
        self,
        collection: AsyncCollection[Document],
        exported_object: str,
        selection: Selection,
        order: Order,
        shown: Mapping[str, int],
        random: Random,
    ) -> None:
        self._collection = collection
        self._attempts = exported_object == ATTEMPTS
        self._selection = selection
        self._order = order
        self._shown = shown
        self._random = random

    async def groups(self, place: Document | None) -> AsyncGenerator[Group]:
        cutter = Cutter()
        async for raw in self._batches(place):
            for pieces in cutter.cut(raw):
                yield Group(pieces, place_after)
        if rest := cutter.rest():
            yield Group(rest, place_after)

    async def _batches(self, place: Document | None) -> AsyncGenerator[bytes]:
        pauses = Pauses(self._random)
        done = False
        while not done:
            last = b""
            try:
                for asked in conditions(self._selection, self._order, place):
                    async with await self._open(asked, place) as cursor:
                        async for raw in cursor:
                            if raw:
                                last = raw
                                yield raw
                                pauses = Pauses(self._random)
                done = True
            except PyMongoError as error:
                if not may_go_on(error):
                    raise
                log.warning("reading goes on in a while: %s", str(error)[:200])
                await pauses.next()
            if last:
                place = place_after([last_of(last)])

    async def _open(self, asked: Document, place: Document | None) -> _Cursor:
        by_hour = self._selection.refs is not None
        sort = self._order.sort(by_hour=by_hour)
        if not self._attempts:
            return self._collection.find_raw_batches(
                asked,
                self._shown,
                sort=sort,
                hint=self._selection.index,
                batch_size=BATCH_ROWS,
            )
        shown: Document = {"$project": self._shown}
        unwound: Document = {"$unwind": f"${HISTORY}"}
        stages = [shown, unwound]
        if self._selection.attempts:
            # They may be asked for by what is not shown.
            stages = [unwound, {"$match": self._selection.attempts}, shown]
        return await self._collection.aggregate_raw_batches(
            [
                {"$match": asked},
                {"$sort": sort},
                *stages,
                *self._of_attempts(place),
            ],
            hint=self._selection.index,
            batchSize=BATCH_ROWS,
        )

    def _of_attempts(self, place: Mapping[str, Any] | None) -> list[Document]:
        """Of each attempt: those that are asked for, behind the place."""
        found: list[Document] = []
        if place is not None:
            behind = {f"{HISTORY}.attempt": {"$gt": place["attempt"]}}
            found.append({"$match": {"$or": [{"_id": {"$ne": place["_id"]}}, behind]}})
        return found
