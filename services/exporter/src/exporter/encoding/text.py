"""Tables as text: CSV as RFC 4180 has it, or one JSON object a line."""

# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from exporter.encoding.table import is_json

# Cells that start so are formulas to spreadsheets.
_FORMULA = "^([=+\\-@\t\r])"

# A table as text, ``first`` of its file or not.
Text = Callable[[Any, bool], bytes]


def csv_text(table: Any, first: bool) -> bytes:
    """CSV with CRLF in UTF-8; the file's first text starts with the header.

    Texts are quoted and null is not, so that an empty text (``""``) stays apart from
    none. One that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    safe = pa.table(
        [_unharmed(column, table.schema.field(n)) for n, column in enumerate(table)],
        names=table.column_names,
    )
    written = pa.BufferOutputStream()
    options = csv.WriteOptions(
        include_header=first, eol="\r\n", quoting_header="none", batch_size=4096
    )
    csv.write_csv(safe, written, options)
    return written.getvalue().to_pybytes()


def ndjson_text(table: Any, first: bool) -> bytes:
    """One JSON object a line; JSON stands in it as JSON, spelled as it was stored."""
    slices = range(0, table.num_rows, _SLICE)
    return b"".join(_lines(table.slice(start, _SLICE)) for start in slices)


def _lines(table: Any) -> bytes:
    values = [
        _json_values(column, table.schema.field(n)) for n, column in enumerate(table)
    ]
    names: Sequence[str] = table.column_names
    return b"".join(
        orjson.dumps(dict(zip(names, row, strict=True)), option=_LINE)
        for row in zip(*values, strict=True)
    )


# Rows that stand in memory as Python's objects at once.
_SLICE = 500
_LINE = orjson.OPT_APPEND_NEWLINE


def _unharmed(column: Any, field: Any) -> Any:
    if pa.types.is_timestamp(field.type):
        return _times(column)
    if not pa.types.is_string(field.type):
        return column
    if pc.any(pc.match_substring_regex(column, _FORMULA)).as_py():
        return pc.replace_substring_regex(column, _FORMULA, "'\\1")
    return column


def _json_values(column: Any, field: Any) -> list[Any]:
    if pa.types.is_timestamp(field.type):
        return _times(column).to_pylist()
    if not is_json(field):
        return column.to_pylist()
    return [_fragment(text) for text in column.to_pylist()]


def _fragment(text: str | None) -> Any:
    if text is None:
        return None
    # Line breaks stand between JSON's tokens only: inside of a string they are escaped.
    return orjson.Fragment(text.replace("\r", " ").replace("\n", " "))


def _times(column: Any) -> Any:
    # RFC 3339. Arrow spells times of no zone six times as fast as by ``strftime``.
    spelled = pc.cast(pc.cast(column, pa.timestamp("ms")), pa.string())
    return pc.binary_join_element_wise(pc.replace_substring(spelled, " ", "T"), "Z", "")


TEXTS: dict[str, Text] = {"CSV": csv_text, "NDJSON": ndjson_text}
