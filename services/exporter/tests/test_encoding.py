"""Values as CSV, NDJSON and Parquet, read back by other people's readers."""

# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from exporter.encoding.joining import joined
from exporter.encoding.parts import EncodedPart, PartEncoder
from exporter.encoding.table import schema_of, table_of
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

TYPES = {"t": "text", "at": "time", "n": "integer", "x": "number", "j": "json"}
SCHEMA = schema_of(TYPES, tuple(TYPES))
AT = datetime(2026, 11, 1, 2, 3, 4, 567_000)  # noqa: DTZ001 - as the driver makes it


def encoder(response_format: str, *, first: bool = True, **bounds: int) -> PartEncoder:
    return PartEncoder(SCHEMA, response_format, first=first, **bounds)


def encoded(response_format: str, *rows: tuple[Any, ...]) -> EncodedPart:
    made = encoder(response_format)
    made.add(table_of(SCHEMA, [list(column) for column in zip(*rows, strict=True)]))
    return made.close()


def text_of(part: EncodedPart) -> str:
    assert part.text is not None
    return b"".join(part.text).decode()


def rows_of(part: EncodedPart) -> list[dict[str, Any]]:
    return parquet.read_table(pa.BufferReader(part.columns)).to_pylist()


def test_csv_has_a_header_and_crlf_and_tells_an_empty_text_from_none() -> None:
    part = encoded("CSV", ("", AT, 2**63 - 1, 12.5, '{"a":1}'), (None,) * 5)

    assert text_of(part) == (
        "t,at,n,x,j\r\n"
        '"","2026-11-01T02:03:04.567Z",9223372036854775807,12.5,"{""a"":1}"\r\n'
        ",,,,\r\n"
    )


@pytest.mark.parametrize(
    ("at", "spelled"),
    [
        (datetime(1, 1, 1), "0001-01-01T00:00:00.000Z"),  # noqa: DTZ001
        (datetime(1969, 12, 31, 23, 59, 59, 999_000), "1969-12-31T23:59:59.999Z"),  # noqa: DTZ001
        (datetime(9999, 12, 31, 23, 59, 59, 1_000), "9999-12-31T23:59:59.001Z"),  # noqa: DTZ001
    ],
)
@pytest.mark.parametrize("response_format", ["CSV", "NDJSON"])
def test_a_time_has_its_year_in_four_digits_and_milliseconds(
    response_format: str, at: datetime, spelled: str
) -> None:
    part = encoded(response_format, (None, at, None, None, None))

    assert f'"{spelled}"' in text_of(part)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_a_spreadsheet_would_run_gets_an_apostrophe(start: str) -> None:
    formula = f"{start}1+1\n{start}2"
    row = (formula, None, -5, -1.5, f"{start}1")

    (_, cells) = csv.reader(io.StringIO(text_of(encoded("CSV", row)), newline=""))

    assert cells == [f"'{formula}", "", "-5", "-1.5", f"'{start}1"]
    assert json.loads(text_of(encoded("NDJSON", (formula, None, 1, 1, "1"))))["t"] == (
        formula
    )
    assert rows_of(encoded("CSV", row))[0]["t"] == formula


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=5))
def test_any_text_comes_back_from_every_format(texts: list[str]) -> None:
    rows = [(text, None, None, None, None) for text in texts]

    table = encoded("CSV", *rows)
    lines = text_of(encoded("NDJSON", *rows)).removesuffix("\n").split("\n")

    cells = list(csv.reader(io.StringIO(text_of(table), newline="")))[1:]
    harmless = [f"'{text}" if text[:1] in set("=+-@\t\r") else text for text in texts]
    assert [row[0] for row in cells] == harmless
    assert [json.loads(line)["t"] for line in lines] == texts
    assert [row["t"] for row in rows_of(table)] == texts


def test_json_stands_in_ndjson_as_it_is_spelled_but_on_one_line() -> None:
    odd = '{"a": 1.00,\r\n "a": 123456789012345678901234567890, "b": "x\\ny"}'

    line = text_of(encoded("NDJSON", ("x", AT, 1, None, odd)))

    assert line == (
        '{"t":"x","at":"2026-11-01T02:03:04.567Z","n":1,"x":null,"j":'
        '{"a": 1.00,   "a": 123456789012345678901234567890, "b": "x\\ny"}}\n'
    )


def test_columns_have_their_types_and_say_which_text_is_json() -> None:
    part = encoded("CSV", ("x", AT, 1, 2.5, "[]"))

    schema = parquet.read_schema(pa.BufferReader(part.columns))

    assert [str(field.type) for field in schema] == [
        "string",
        "timestamp[ms, tz=UTC]",
        "int64",
        "double",
        "string",
    ]
    assert schema.field("j").metadata[b"daybook"] == b"json"
    assert rows_of(part) == [
        {"t": "x", "at": AT.replace(tzinfo=UTC), "n": 1, "x": 2.5, "j": "[]"}
    ]


def test_a_value_of_another_type_is_brought_to_the_column_s() -> None:
    part = encoded(
        "CSV",
        (7, AT, 33.6, 1, "1"),
        ("x", "no time", "none", float("nan"), None),
        (None, None, 2.0**63, None, None),
    )

    first, second, third = rows_of(part)

    assert (first["t"], first["n"], first["x"]) == ("7", 34, 1.0)
    assert (second["at"], second["n"], second["x"]) == (None, None, None)
    assert third["n"] is None


def test_only_the_first_text_of_a_file_has_the_header() -> None:
    later = encoder("CSV", first=False)
    later.add(table_of(SCHEMA, [["x"], [None], [1], [None], [None]]))

    assert text_of(later.close()) == '"x",,1,,\r\n'
    assert text_of(encoder("CSV").close()) == "t,at,n,x,j\r\n"
    assert text_of(encoder("NDJSON").close()) == ""
    assert rows_of(encoder("PARQUET").close()) == []


@pytest.mark.parametrize("response_format", ["CSV", "NDJSON", "PARQUET"])
def test_a_part_is_full_by_its_bytes_or_its_rows(response_format: str) -> None:
    by_rows = encoder(response_format, part_rows=2)
    by_bytes = encoder(response_format, part_bytes=200)
    for made in (by_rows, by_bytes):
        made.add(table_of(SCHEMA, [["x"], [AT], [1], [1.0], ["1"]]))
        assert not made.full
    by_rows.add(table_of(SCHEMA, [["x"], [AT], [1], [1.0], ["1"]]))
    by_bytes.add(table_of(SCHEMA, [["x" * 200], [AT], [1], [1.0], ["1"]]))

    assert by_rows.full
    assert by_bytes.full
    assert by_rows.close().rows == 2
    assert not by_rows.full


async def test_a_joined_file_has_all_rows_in_order_and_is_the_same_each_time() -> None:
    made = encoder("PARQUET")
    parts: list[bytes] = []
    for number in range(3):
        for group in range(2):
            value = 10 * number + group
            made.add(table_of(SCHEMA, [[f"x{value}"], [AT], [value], [None], ["1"]]))
        parts.append(made.close().columns.to_pybytes())

    async def objects() -> AsyncIterator[bytes]:
        for one in parts:
            yield one

    files = [
        b"".join([chunk async for chunk in joined(made.schema, objects())])
        for _ in range(2)
    ]

    assert files[0] == files[1]
    file = parquet.ParquetFile(pa.BufferReader(files[0]))
    assert file.num_row_groups == 6
    assert file.read().column("n").to_pylist() == [0, 1, 10, 11, 20, 21]
    assert file.schema_arrow.field("j").metadata[b"daybook"] == b"json"
