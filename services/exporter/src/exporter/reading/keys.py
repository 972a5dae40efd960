"""Tasks: whose ``created_at`` may move while they are read, so their keys come first.

The keys of all that exist are listed in one snapshot, in the order of the export, and
stored; then the tasks are read by them, each once, with the values at reading. Whoever
takes the export over goes on by the same lists.
"""

# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from random import Random
from typing import Any

import pyarrow as pa
from daybook.exports.conditions import Selection
from daybook.runtime.mongo import Document
from pyarrow import parquet
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import OperationFailure, PyMongoError

from exporter.failures import ExportFailed
from exporter.patience import Pauses, may_go_on, until_there
from exporter.reading.batches import BATCH_ROWS as READ_AT_ONCE
from exporter.reading.batches import Batch, batches
from exporter.reading.groups import GROUP_ROWS, Group
from exporter.reading.stretches import Order, conditions
from exporter.storing import Storage

log = logging.getLogger(__name__)

KEYS_OF_A_LIST = 100_000
# A snapshot is kept for minutes; a listing that takes longer is begun anew so often.
_TRIES = 3
_SNAPSHOT_TOO_OLD = 239


@dataclass(frozen=True, slots=True)
class TaskKeys:
    """The lists of one claim: where they are, and how many keys there are."""

    prefix: str
    lists: int
    count: int

    @classmethod
    def of(cls, stored: Document) -> "TaskKeys":
        return cls(stored["prefix"], stored["lists"], stored["count"])

    def stored(self) -> Document:
        """``keys`` of the export's document."""
        return {"prefix": self.prefix, "lists": self.lists, "count": self.count}

    def names(self) -> list[str]:
        return [list_name(self.prefix, number) for number in range(self.lists)]


def list_name(prefix: str, number: int) -> str:
    return f"{prefix}-keys-{number:05d}"


class Lister:
    """Lists the keys of what a selection selects, as it is at one moment."""

    def __init__(
        self,
        collection: AsyncCollection[Document],
        selection: Selection,
        order: Order,
        storage: Storage,
        random: Random,
    ) -> None:
        self._collection = collection
        self._selection = selection
        self._order = order
        self._storage = storage
        self._random = random

    async def list(self, prefix: str) -> TaskKeys:
        """Store the lists under names that begin with ``prefix``."""
        pauses = Pauses(self._random)
        tries = 0
        while True:
            try:
                return await self._list(prefix)
            except PyMongoError as error:
                if isinstance(error, OperationFailure) and (
                    error.code == _SNAPSHOT_TOO_OLD
                ):
                    tries += 1
                    if tries == _TRIES:
                        raise ExportFailed(
                            "Finding the tasks took longer than the database keeps "
                            "one moment's state. Narrow the export down, by time "
                            "for example."
                        ) from error
                elif not may_go_on(error):
                    raise
                log.warning("listing tasks begins anew: %s", str(error)[:200])
            await pauses.next()

    async def _list(self, prefix: str) -> TaskKeys:
        (asked,) = conditions(self._selection, self._order, None)
        sort = self._order.sort(by_hour=self._selection.refs is not None)
        client = self._collection.database.client
        count = lists = 0
        keys: list[str] = []
        async with client.start_session(snapshot=True) as session:
            found = self._collection.find(
                asked,
                {"_id": 1},
                sort=sort,
                hint=self._selection.index,
                batch_size=GROUP_ROWS,
                session=session,
            )
            async with found:
                async for one in found:
                    keys.append(one["_id"])
                    count += 1
                    if len(keys) == KEYS_OF_A_LIST:
                        await self._put(list_name(prefix, lists), keys)
                        lists += 1
                        keys = []
        if keys:
            await self._put(list_name(prefix, lists), keys)
            lists += 1
        return TaskKeys(prefix, lists, count)

    async def _put(self, name: str, keys: Sequence[str]) -> None:
        await self._storage.put(name, [await asyncio.to_thread(_packed, keys)])


class ByKeys:
    """Reads tasks by their lists of keys; a place is how many are behind it."""

    def __init__(
        self,
        collection: AsyncCollection[Document],
        keys: TaskKeys,
        shown: dict[str, int],
        storage: Storage,
        random: Random,
    ) -> None:
        self._collection = collection
        self._keys = keys
        self._shown = shown
        self._storage = storage
        self._random = random

    async def groups(self, place: Document | None) -> AsyncGenerator[Group]:
        behind = 0 if place is None else place["keys"]
        for number in range(behind // KEYS_OF_A_LIST, self._keys.lists):
            content = await self._storage.get(list_name(self._keys.prefix, number))
            keys = await asyncio.to_thread(_unpacked, content)
            first = number * KEYS_OF_A_LIST
            for start in range(behind - first, len(keys), GROUP_ROWS):
                some = keys[start : start + GROUP_ROWS]
                behind = first + start + len(some)
                yield Group(await self._read(some), _Behind(behind), some)

    async def _read(self, keys: Sequence[str]) -> list[Batch]:
        pieces: list[Batch] = []
        for start in range(0, len(keys), READ_AT_ONCE):
            some = list(keys[start : start + READ_AT_ONCE])
            pieces += await until_there(
                lambda some=some: self._some(some), self._random
            )
        return pieces

    async def _some(self, keys: list[str]) -> list[Batch]:
        asked = {"_id": {"$in": keys}}
        found = batches(
            self._collection,
            {"find": None, "filter": asked, "projection": self._shown},
        )
        async with aclosing(found):
            return [batch async for batch in found]


@dataclass(frozen=True, slots=True)
class _Behind:
    keys: int

    def __call__(self, documents: Sequence[Document]) -> Document:
        return {"keys": self.keys}


def _packed(keys: Sequence[str]) -> bytes:
    written = pa.BufferOutputStream()
    table = pa.table({"_id": pa.array(keys, pa.string())})
    parquet.write_table(table, written, compression="zstd")
    return written.getvalue().to_pybytes()


def _unpacked(content: bytes) -> list[str]:
    table: Any = parquet.read_table(pa.BufferReader(content))
    return table.column("_id").to_pylist()
