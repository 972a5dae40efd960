"""Groups of documents, as they are read, decoded and encoded together."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from struct import Struct
from typing import Protocol, TypeVar

from bson import CodecOptions
from bson import decode_all as _decode_all  # pyright: ignore[reportUnknownVariableType]
from bson.codec_options import DatetimeConversion
from daybook.runtime.mongo import Document

# What a group holds at most, but for one document more: it becomes a row group, and its
# bounds depend on what is read alone, so that whoever reads it makes the same files.
GROUP_ROWS = 10_000
GROUP_BYTES = 2 * 1024 * 1024
# What the database is asked for at once: a whole group would be held twice.
BATCH_ROWS = 1_000

# Naive times in UTC are what the driver makes fastest; what no calendar holds is left
# in milliseconds.
_OPTIONS: CodecOptions[Document] = CodecOptions(
    document_class=dict,
    tz_aware=False,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
)
_LENGTH = Struct("<i").unpack_from

T = TypeVar("T")
# After the last of these documents.
PlaceAfter = Callable[[Sequence[Document]], Document]


@dataclass(frozen=True, slots=True)
class Group:
    """Documents in order, as BSON, and how to go on after them."""

    pieces: Sequence[bytes]
    place_after: PlaceAfter
    # The ``_id`` of each in order, where they were read in none.
    order: Sequence[str] | None = None

    def documents(self) -> list[Document]:
        """Decode them; for a thread: it takes some tens of milliseconds."""
        found = [one for piece in self.pieces for one in _decode_all(piece, _OPTIONS)]
        if self.order is None:
            return found
        by_id = {one["_id"]: one for one in found}
        return [by_id[one] for one in self.order if one in by_id]


class Reader(Protocol):
    """What an export reads; ``place`` is what a group's ``place_after`` said."""

    def groups(self, place: Document | None) -> AsyncGenerator[Group]: ...


@dataclass(slots=True)
class Cutter:
    """Cuts raw batches into groups."""

    most_rows: int = GROUP_ROWS
    most_bytes: int = GROUP_BYTES
    _pieces: list[bytes] = field(default_factory=list[bytes])
    _rows: int = 0
    _bytes: int = 0

    def cut(self, raw: bytes) -> list[list[bytes]]:
        """The groups that are complete with this batch."""
        groups: list[list[bytes]] = []
        start = end = 0
        rows, held = self._rows, self._bytes
        while end < len(raw):
            (length,) = _LENGTH(raw, end)
            end += length
            held += length
            rows += 1
            if rows >= self.most_rows or held >= self.most_bytes:
                groups.append([*self._pieces, raw[start:end]])
                self._pieces = []
                start, rows, held = end, 0, 0
        if start < end:
            self._pieces.append(raw[start:] if start else raw)
        self._rows, self._bytes = rows, held
        return groups

    def rest(self) -> list[bytes]:
        """What is left at the end."""
        pieces, self._pieces = self._pieces, []
        self._rows = self._bytes = 0
        return pieces


def last_of(raw: bytes) -> Document:
    """The last document of a batch that has one."""
    start = end = 0
    while end < len(raw):
        start = end
        (length,) = _LENGTH(raw, end)
        end += length
    return _decode_all(raw[start:], _OPTIONS)[0]


async def one_ahead(made: AsyncGenerator[T]) -> AsyncGenerator[T]:
    """The same, the next of which is made while one is worked on."""
    following = asyncio.ensure_future(anext(made, None))
    try:
        while (one := await following) is not None:
            following = asyncio.ensure_future(anext(made, None))
            yield one
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await made.aclose()
