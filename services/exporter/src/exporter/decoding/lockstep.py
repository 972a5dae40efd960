"""BSON documents walked side by side, one element of all of them at a time.

Documents of one collection have the same names in the same order, but for some that
are missing. So one look at a document's next element says where the same element is in
all that agree, and NumPy steps over it in all of these at once: no object is made of a
value, and a thousand documents take some twenty steps instead of twenty thousand.
Those that do not agree are walked on apart.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from exporter.reading.batches import Batch

# BSON's types (bsonspec.org).
DOUBLE, TEXT, DOCUMENT, ARRAY, BYTES, TIME = 0x01, 0x02, 0x03, 0x04, 0x05, 0x09
NULL, INTEGER, LONG = 0x0A, 0x10, 0x12
_END = 0x00
# What a value takes, and what it takes beside the length that it begins with.
_SIZES = {DOUBLE: 8, 0x07: 12, 0x08: 1, TIME: 8, NULL: 0, INTEGER: 4, LONG: 8, 0x13: 16}
_LENGTHS = {TEXT: 4, DOCUMENT: 0, ARRAY: 0, BYTES: 5}

# Beyond so many sorts of documents, one after the other is quicker.
MOST_SHAPES = 32
# Words are read at any byte: so many have to follow the last.
_PADDING = bytes(8)

Offsets: TypeAlias = NDArray[np.int64]
Word = TypeVar("Word", np.int32, np.int64, np.float64)


class Unlike(Exception):
    """Documents that are no good to walk side by side."""


@dataclass(frozen=True, slots=True)
class Values:
    """Values of one type at one path: of which documents, and where they begin."""

    kind: int
    rows: Offsets
    at: Offsets


@dataclass(slots=True)
class _Alike:
    """Documents that agreed so far, and where each one's next element is."""

    rows: Offsets
    at: Offsets
    # The paths of the documents that these elements are in, outermost first.
    within: tuple[str, ...] = ()

    def where(self, chosen: NDArray[np.bool_]) -> "_Alike":
        return _Alike(self.rows[chosen], self.at[chosen], self.within)


@dataclass(frozen=True, slots=True)
class Bytes:
    """Documents' bytes, and the word that begins at each of them, little-endian."""

    raw: bytes
    longs: Offsets
    integers: NDArray[np.int32]
    doubles: NDArray[np.float64]

    @classmethod
    def of(cls, raw: bytes) -> "Bytes":
        longs, integers = _words(raw, np.int64), _words(raw, np.int32)
        return cls(raw, longs, integers, _words(raw, np.float64))

    def have(self, header: bytes, at: Offsets) -> NDArray[np.bool_]:
        """Which of these places have this header."""
        same = np.ones(len(at), np.bool_)
        for start in range(0, len(header), 8):
            piece = header[start : start + 8]
            # One that ends before has had another byte by then.
            word = self.longs[np.minimum(at + start, len(self.longs) - 1)]
            if len(piece) < 8:
                word = word & ((1 << 8 * len(piece)) - 1)
            same &= word == int.from_bytes(piece, "little", signed=len(piece) == 8)
        return same

    def header(self, at: int) -> bytes:
        """An element's type and name, or a document's end."""
        if self.raw[at] == _END:
            return self.raw[at : at + 1]
        return self.raw[at : self.raw.index(b"\0", at + 1) + 1]


@dataclass(frozen=True, slots=True)
class Walked:
    """How many documents there were, and where the values at each path stand."""

    count: int
    bytes: Bytes
    found: Mapping[str, Sequence[Values]]


def walk(pieces: Sequence[Batch], paths: Iterable[str]) -> Walked:
    """Walk over the documents of these pieces.

    ``paths``: those whose values are wanted, dotted. Raises :class:`Unlike` for
    documents of too many shapes, and for types that Daybook stores nowhere.
    """
    raw, starts = _joined(pieces)
    walker = _Walker(Bytes.of(raw), frozenset(paths))
    if len(starts):
        walker.walk(_Alike(np.arange(len(starts)), starts + 4))
    return Walked(len(starts), walker.bytes, walker.found)


class _Walker:
    def __init__(self, raw: Bytes, paths: frozenset[str]) -> None:
        self.bytes = raw
        self.found: dict[str, list[Values]] = defaultdict(list)
        self._paths = paths
        self._outer = {
            path[:n] for path in paths for n, one in enumerate(path) if one == "."
        }

    def walk(self, documents: _Alike) -> None:
        left = [documents]
        shapes = 1
        while left:
            alike: _Alike | None = left.pop()
            while alike is not None:
                header = self.bytes.header(int(alike.at[0]))
                same = self.bytes.have(header, alike.at)
                if not same.all():
                    shapes += 1
                    if shapes > MOST_SHAPES:
                        raise Unlike
                    left.append(alike.where(~same))
                    alike = alike.where(same)
                alike = self._step(alike, header)

    def _step(self, alike: _Alike, header: bytes) -> _Alike | None:
        """Step over an element of all; None behind the last."""
        kind = header[0]
        at = alike.at + len(header)
        if kind == _END:
            if not alike.within:
                return None
            return _Alike(alike.rows, at, alike.within[:-1])
        name = header[1:-1].decode()
        path = f"{alike.within[-1]}.{name}" if alike.within else name
        if kind == DOCUMENT and path in self._outer:
            return _Alike(alike.rows, at + 4, (*alike.within, path))
        if path in self._paths and kind != NULL:
            self.found[path].append(Values(kind, alike.rows, at))
        return _Alike(alike.rows, at + self._sizes(kind, at), alike.within)

    def _sizes(self, kind: int, at: Offsets) -> Offsets | int:
        if kind in _LENGTHS:
            return self.bytes.integers[at].astype(np.int64) + _LENGTHS[kind]
        if kind not in _SIZES:
            raise Unlike
        return _SIZES[kind]


def _words(raw: bytes, kind: type[Word]) -> NDArray[Word]:
    of = np.dtype(kind).newbyteorder("<")
    return np.ndarray((len(raw) - of.itemsize + 1,), of, raw, strides=(1,))


def _joined(pieces: Sequence[Batch]) -> tuple[bytes, Offsets]:
    """All their bytes and the padding, and where each document begins."""
    before = 0
    starts: list[Offsets] = []
    for piece in pieces:
        starts.append(np.array(piece.starts, np.int64) + before)
        before += len(piece.raw)
    raw = b"".join((*(piece.raw for piece in pieces), _PADDING))
    return raw, np.concatenate(starts) if starts else np.empty(0, np.int64)
