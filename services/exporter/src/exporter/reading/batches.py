"""Batches of documents as the database sends them, which nobody decodes.

The driver's own raw batches make two objects of every document before they put the
bytes together again, which was a third of what an export cost its event loop. Here a
reply stays one piece of bytes, beside where each document begins in it.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from struct import Struct
from typing import Any

from bson import CodecOptions
from bson import decode as _decode  # pyright: ignore[reportUnknownVariableType]
from bson.raw_bson import RawBSONDocument
from daybook.runtime.mongo import Document
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

# What the database is asked for at once: a whole group would be held twice.
BATCH_ROWS = 1_000

_RAW = CodecOptions(RawBSONDocument)
_LENGTH = Struct("<i")
# Behind a document's length its first element begins, with its type.
_FIRST = _LENGTH.size
_ARRAY = 0x04


@dataclass(frozen=True, slots=True)
class Batch:
    """Documents in order: each from a start to the end that stands beside it."""

    raw: bytes
    starts: Sequence[int]
    ends: Sequence[int]

    @classmethod
    def of(cls, documents: Sequence[bytes]) -> "Batch":
        """One document behind the other."""
        ends = list(accumulate(map(len, documents)))
        return cls(b"".join(documents), [0, *ends[:-1]], ends)

    def slice(self, first: int, end: int) -> "Batch":
        """Some of them, with no more bytes than theirs."""
        from_, to = self.starts[first], self.ends[end - 1]
        return Batch(
            self.raw[from_:to],
            [one - from_ for one in self.starts[first:end]],
            [one - from_ for one in self.ends[first:end]],
        )

    def documents(self) -> list[bytes]:
        return [
            self.raw[start:end]
            for start, end in zip(self.starts, self.ends, strict=True)
        ]


async def batches(
    collection: AsyncCollection[Document], asked: Document
) -> AsyncGenerator[Batch]:
    """The batches of a ``find`` or ``aggregate``, at most 16 MB each; none is empty.

    ``asked``: the command without the collection, its concern and its batch's size.
    Raises what the driver raises; the cursor is closed in the end.
    """
    database = collection.database
    kind, given = next(iter(asked)), dict(asked)
    command: Document = {
        kind: collection.name,
        **{name: value for name, value in given.items() if name != kind},
        "readConcern": collection.read_concern.document,
    }
    if kind == "aggregate":
        command["cursor"] = {"batchSize": BATCH_ROWS}
    else:
        command["batchSize"] = BATCH_ROWS
    # A cursor belongs to the session that it was opened in.
    async with database.client.start_session(causal_consistency=False) as session:
        cursor = 0
        try:
            while True:
                reply = await database.command(
                    command, codec_options=_RAW, session=session
                )
                batch, cursor = _read(bytes(reply["cursor"].raw))
                if batch.starts:
                    yield batch
                if not cursor:
                    return
                command = {
                    "getMore": cursor,
                    "collection": collection.name,
                    "batchSize": BATCH_ROWS,
                }
        finally:
            if cursor:
                await _close(database, collection.name, cursor, session)


async def _close(
    database: AsyncDatabase[Document], name: str, cursor: int, session: Any
) -> None:
    # The database forgets it by itself after a while.
    with suppress(PyMongoError):
        await database.command(
            {"killCursors": name, "cursors": [cursor]}, session=session
        )


def _read(cursor: bytes) -> tuple[Batch, int]:
    """The batch of a reply, which stands first in its cursor, and the cursor's id.

    Nothing of it is asked for by name: that would make an object of every document.
    """
    if cursor[_FIRST] != _ARRAY:
        raise ValueError("a cursor of the database does not begin with its batch")
    at = cursor.index(b"\0", _FIRST) + 1
    (length,) = _LENGTH.unpack_from(cursor, at)
    end = at + length
    at += 4
    starts: list[int] = []
    ends: list[int] = []
    while at < end - 1:
        # A document's type, and its number in the batch as text.
        at = cursor.index(b"\0", at + 1) + 1
        starts.append(at)
        (length,) = _LENGTH.unpack_from(cursor, at)
        at += length
        ends.append(at)
    others = cursor[end:]
    found = _decode(_LENGTH.pack(_LENGTH.size + len(others)) + others)
    return Batch(cursor, starts, ends), found["id"]
