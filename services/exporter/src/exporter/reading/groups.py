"""Groups of documents, as they are read, decoded and encoded together."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from bson import CodecOptions
from bson import decode as _decode  # pyright: ignore[reportUnknownVariableType]
from bson.codec_options import DatetimeConversion
from daybook.runtime.mongo import Document

from exporter.reading.batches import Batch

# What a group holds at most, but for one document more: it becomes a row group, and its
# bounds depend on what is read alone, so that whoever reads it makes the same files.
GROUP_ROWS = 10_000
GROUP_BYTES = 2 * 1024 * 1024

# Naive times in UTC are what the driver makes fastest; what no calendar holds is left
# in milliseconds.
_OPTIONS: CodecOptions[Document] = CodecOptions(
    document_class=dict,
    tz_aware=False,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
)

T = TypeVar("T")
# After the last of these documents.
PlaceAfter = Callable[[Sequence[Document]], Document]


@dataclass(frozen=True, slots=True)
class Group:
    """Documents in order, as BSON, and how to go on after them."""

    pieces: Sequence[Batch]
    place_after: PlaceAfter
    # The ``_id`` of each in order, where they were read in none.
    order: Sequence[str] | None = None

    def documents(self) -> list[Document]:
        """Decode them; for a thread: it takes some tens of milliseconds."""
        found = [
            _decode(raw, _OPTIONS) for piece in self.pieces for raw in piece.documents()
        ]
        if self.order is None:
            return found
        by_id = {one["_id"]: one for one in found}
        return [by_id[one] for one in self.order if one in by_id]

    def last(self) -> list[Document]:
        """The last document as it was read; none of a group that has none."""
        return [last_of(self.pieces[-1])] if self.pieces else []


class Reader(Protocol):
    """What an export reads; ``place`` is what a group's ``place_after`` said."""

    def groups(self, place: Document | None) -> AsyncGenerator[Group]: ...


@dataclass(slots=True)
class Cutter:
    """Cuts batches into groups."""

    most_rows: int = GROUP_ROWS
    most_bytes: int = GROUP_BYTES
    _pieces: list[Batch] = field(default_factory=list[Batch])
    _rows: int = 0
    _bytes: int = 0

    def cut(self, batch: Batch) -> list[list[Batch]]:
        """The groups that are complete with this batch."""
        groups: list[list[Batch]] = []
        first = 0
        rows, held = self._rows, self._bytes
        bounds = zip(batch.starts, batch.ends, strict=True)
        for number, (start, end) in enumerate(bounds, start=1):
            held += end - start
            rows += 1
            if rows >= self.most_rows or held >= self.most_bytes:
                groups.append([*self._pieces, batch.slice(first, number)])
                self._pieces = []
                first, rows, held = number, 0, 0
        if first < len(batch.starts):
            self._pieces.append(batch.slice(first, len(batch.starts)))
        self._rows, self._bytes = rows, held
        return groups

    def rest(self) -> list[Batch]:
        """What is left at the end."""
        pieces, self._pieces = self._pieces, []
        self._rows = self._bytes = 0
        return pieces


def last_of(batch: Batch) -> Document:
    """The last document of a batch."""
    return _decode(batch.raw[batch.starts[-1] : batch.ends[-1]], _OPTIONS)


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
