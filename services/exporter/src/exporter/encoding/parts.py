"""Row groups gathered into parts: a text object and a columnar one of the same rows."""

# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from exporter.encoding.text import TEXTS

# A part is closed at so much: small enough to be done again, and for two of them to be
# held in memory, one that is stored and one that is made.
PART_BYTES = 8 * 1024 * 1024
PART_ROWS = 50_000
# What a row group's bytes cost a reader that wants one page of them.
COMPRESSION = "zstd"


@dataclass(frozen=True, slots=True)
class EncodedPart:
    """A part to store. ``text`` is None where the columnar object is all there is."""

    rows: int
    text: Sequence[bytes] | None
    columns: Any  # a buffer

    @property
    def bytes(self) -> int:
        """Of the text; without one, of the columns."""
        if self.text is None:
            return self.columns_bytes
        return sum(map(len, self.text))

    @property
    def columns_bytes(self) -> int:
        return self.columns.size


class PartEncoder:
    """Makes parts of columns, one after the other; for one thread at a time.

    The same row groups make the same bytes, whoever encodes them.
    """

    def __init__(
        self,
        schema: Any,
        response_format: str,
        *,
        first: bool,
        part_bytes: int = PART_BYTES,
        part_rows: int = PART_ROWS,
    ) -> None:
        self.schema = schema
        self._text = TEXTS.get(response_format)
        self._first = first
        self._part_bytes = part_bytes
        self._part_rows = part_rows
        self._clear()

    @property
    def rows(self) -> int:
        """Of the part that is open."""
        return self._rows

    @property
    def full(self) -> bool:
        """Whether it is time to close the part."""
        return self._bytes >= self._part_bytes or self._rows >= self._part_rows

    def add(self, table: Any) -> None:
        """Add a row group: a table of the schema."""
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        self._rows += table.num_rows
        if self._text is None:
            self._bytes += table.nbytes
        else:
            text = self._text(table, self._first)
            self._first = False
            self._texts.append(text)
            self._bytes += len(text)

    def close(self) -> EncodedPart:
        """End the part, and begin the next; one without rows is valid too."""
        if self._text is not None and not self._texts:
            self._texts.append(self._text(self.schema.empty_table(), self._first))
            self._first = False
        self._writer.close()
        texts = None if self._text is None else self._texts
        part = EncodedPart(self._rows, texts, self._sink.getvalue())
        self._clear()
        # What the next part needs it takes again: memory stays flat, not at its peak.
        pa.default_memory_pool().release_unused()
        return part

    def _clear(self) -> None:
        self._sink = pa.BufferOutputStream()
        self._writer = new_writer(self._sink, self.schema)
        self._texts: list[bytes] = []
        self._rows = self._bytes = 0


def new_writer(sink: Any, schema: Any) -> Any:
    """A Parquet file as every part and every joined file is written."""
    return parquet.ParquetWriter(sink, schema, compression=COMPRESSION)
