"""Logs, sendouts and attempts: read along an index, in the order of the export."""

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from random import Random
from typing import Any

from daybook.exports.conditions import Selection
from daybook.runtime.mongo import Document
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from exporter.patience import Pauses, may_go_on
from exporter.reading.batches import Batch, batches
from exporter.reading.groups import Cutter, Group, last_of
from exporter.reading.stretches import Order, conditions, place_after
from exporter.rows import ATTEMPTS, HISTORY

log = logging.getLogger(__name__)


class InOrder:
    """Reads what a selection selects, in batches of at most 16 MB.

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
        async for batch in self._batches(place):
            for pieces in cutter.cut(batch):
                yield Group(pieces, place_after)
        if rest := cutter.rest():
            yield Group(rest, place_after)

    async def _batches(self, place: Document | None) -> AsyncGenerator[Batch]:
        pauses = Pauses(self._random)
        done = False
        while not done:
            last: Batch | None = None
            try:
                for asked in conditions(self._selection, self._order, place):
                    found = batches(self._collection, self._command(asked, place))
                    async with aclosing(found):
                        async for batch in found:
                            last = batch
                            yield batch
                            pauses = Pauses(self._random)
                done = True
            except PyMongoError as error:
                if not may_go_on(error):
                    raise
                log.warning("reading goes on in a while: %s", str(error)[:200])
                await pauses.next()
            if last:
                place = place_after([last_of(last)])

    def _command(self, asked: Document, place: Document | None) -> Document:
        by_hour = self._selection.refs is not None
        sort = self._order.sort(by_hour=by_hour)
        by_index: Document = {}
        if self._selection.index:
            by_index["hint"] = self._selection.index
        if not self._attempts:
            found = {"find": None, "filter": asked, "projection": self._shown}
            return {**found, "sort": sort, **by_index}
        shown: Document = {"$project": self._shown}
        unwound: Document = {"$unwind": f"${HISTORY}"}
        stages = [shown, unwound]
        if self._selection.attempts:
            # They may be asked for by what is not shown.
            stages = [unwound, {"$match": self._selection.attempts}, shown]
        stages = [{"$match": asked}, {"$sort": sort}, *stages]
        pipeline = [*stages, *self._of_attempts(place)]
        return {"aggregate": None, "pipeline": pipeline, **by_index}

    def _of_attempts(self, place: Mapping[str, Any] | None) -> list[Document]:
        """Of each attempt: those that are asked for, behind the place."""
        found: list[Document] = []
        if place is not None:
            behind = {f"{HISTORY}.attempt": {"$gt": place["attempt"]}}
            found.append({"$match": {"$or": [{"_id": {"$ne": place["_id"]}}, behind]}})
        return found
