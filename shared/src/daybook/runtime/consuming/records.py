"""Unpacking fetched records so that no header name stops a partition.

aiokafka decodes header *names* as UTF-8 while it unpacks a batch, and raises on one
that is not: the good records around it would never be read, and seeking past the bad
one does not help, since its batch is unpacked from the start. Here such a batch is
unpacked by aiokafka's slower twin in Python, with those names escaped; all else stays
in C.
"""

# What aiokafka unpacks with is internal to it, and partly typed.
# pyright: reportPrivateUsage=false, reportGeneralTypeIssues=false

import logging
from collections.abc import Iterator
from itertools import islice
from typing import Any, cast

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy

log = logging.getLogger(__name__)


def install() -> None:
    """Make this process's consumers unpack tolerantly; safe to repeat."""
    cast("Any", fetcher).MemoryRecords = TolerantRecords


class TolerantRecords:
    """The batches of one fetch, as aiokafka's fetcher reads them."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._records: Any = MemoryRecords(data)
        self._next = 0

    def size_in_bytes(self) -> int:
        return self._records.size_in_bytes()

    def has_next(self) -> bool:
        return self._records.has_next()

    def next_batch(self) -> "TolerantBatch":
        batch = TolerantBatch(self._records.next_batch(), self._data, self._next)
        self._next += 1
        return batch


class TolerantBatch:
    """One batch: what its twin in C says, and every one of its records."""

    def __init__(self, batch: Any, data: bytes, index: int) -> None:
        self._batch = batch
        self._data = data
        self._index = index

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        read = 0
        try:
            for record in self._batch:
                read += 1
                yield record
        except UnicodeDecodeError as error:
            log.warning("a header's name is no UTF-8, its bytes are escaped: %s", error)
            yield from islice(self._leniently(), read, None)

    def _leniently(self) -> "_LenientBatch":
        slices = _MemoryRecordsPy(self._data)
        for _ in range(self._index):
            slices._cache_next()
        return _LenientBatch(cast("Any", slices._next_slice))


class _LenientBatch(_DefaultRecordBatchPy):
    """aiokafka's batch in Python, over bytes that decode whatever they hold."""

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _LenientBytes(self._buffer)


class _LenientBytes(bytearray):
    """Bytes whose slices decode with what is no UTF-8 escaped."""

    def __getitem__(self, key: Any) -> Any:
        found = cast("Any", super()).__getitem__(key)
        return _LenientBytes(found) if isinstance(key, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        del errors
        return super().decode(encoding, "backslashreplace")
