"""Columnar parts joined into one file, row group by row group."""

# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from exporter.encoding.parts import new_writer


class _Written:
    """A file to write to, whose bytes are taken out as they come."""

    closed = False

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._position = 0

    def write(self, chunk: Any) -> int:
        self._chunks.append(bytes(chunk))
        self._position += len(self._chunks[-1])
        return len(self._chunks[-1])

    def tell(self) -> int:
        return self._position

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def take(self) -> bytes:
        chunks, self._chunks = self._chunks, []
        return b"".join(chunks)


async def joined(schema: Any, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The one file of these parts' rows, as it is written; the same each time.

    ``parts`` are whole columnar objects; one of them, and one row group, is held.
    """
    written = _Written()
    writer = await asyncio.to_thread(new_writer, pa.PythonFile(written, "w"), schema)
    async for part in parts:
        source = parquet.ParquetFile(pa.BufferReader(part))
        for group in range(source.num_row_groups):
            await asyncio.to_thread(_copy, source, group, writer)
            if chunk := written.take():
                yield chunk
    await asyncio.to_thread(writer.close)
    yield written.take()


def _copy(source: Any, group: int, writer: Any) -> None:
    table = source.read_row_group(group)
    writer.write_table(table, row_group_size=max(1, table.num_rows))
