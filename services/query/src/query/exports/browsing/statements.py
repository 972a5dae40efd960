"""The SQL of browsing: made of our own words, column names and row numbers alone.

What somebody typed is always a parameter. Names of our own have a ``#``, which no
exported field has. A row's number counts from 1 through the whole export; inside of a
file DuckDB counts from 0 (``file_row_number``).
"""

# ruff: noqa: S608 - said above: nothing that somebody typed is ever part of the text.

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from query.exports.browsing.parts import Stretch
from query.exports.browsing.slices import Column, ColumnType

_STORED: dict[ColumnType, str] = {
    "text": "VARCHAR",
    "json": "VARCHAR",
    "time": "BIGINT",
    "integer": "BIGINT",
    "number": "DOUBLE",
}
# What such a column's text can be made of: whatever else is searched for is not there.
_ALPHABETS: dict[ColumnType, re.Pattern[str]] = {
    "time": re.compile(r"[0-9tz:.\-]{1,24}", re.IGNORECASE),
    "integer": re.compile(r"[0-9\-]{1,20}"),
    "number": re.compile(r"[0-9.e+\-infa]{1,25}", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL, and the values of its parameters by name."""

    sql: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """The rows of a stretch, with their files as DuckDB is to read them."""

    stretch: Stretch
    files: Sequence[str]
    tag: str = ""  # tells its parameters from another's in the same statement

    @property
    def values(self) -> dict[str, Any]:
        # The number of the row before the first of each file.
        before = [part.before for part in self.stretch.parts]
        return {f"files{self.tag}": list(self.files), f"before{self.tag}": before}

    def one(self, index: int) -> "Source":
        """One of its parts, whole."""
        part = self.stretch.parts[index]
        whole = Stretch((part,), part.before, part.end)
        return Source(whole, (self.files[index],), f"{self.tag}{index:d}")

    @property
    def sql(self) -> str:
        """A subquery of the rows, each with its ``#number``."""
        if len(self.stretch.parts) > 1:
            return self._rows("true")
        # So that row groups which hold none of them are not read.
        first, end = self.stretch.first - self._before, self.stretch.end - self._before
        return self._rows(f"file_row_number >= {first:d} AND file_row_number < {end:d}")

    def only(self, numbers: Sequence[int]) -> str:
        """The same of a single part, with the rows of these numbers."""
        rows = [number - 1 - self._before for number in sorted(numbers)]
        if rows[-1] - rows[0] + 1 == len(rows):
            return self._rows(f"file_row_number BETWEEN {rows[0]:d} AND {rows[-1]:d}")
        listed = ", ".join(f"{row:d}" for row in rows)
        return self._rows(f"file_row_number IN ({listed})")

    @property
    def _before(self) -> int:
        return self.stretch.parts[0].before

    def _rows(self, condition: str) -> str:
        before = f"$before{self.tag}[file_index::BIGINT + 1]"
        number = f"{before} + file_row_number + 1"
        return (
            f'(SELECT *, {number} AS "#number" FROM read_parquet($files{self.tag}) '
            f"WHERE {condition})"
        )


@dataclass(frozen=True, slots=True)
class Order:
    """By one column: nulls last both ways, rows of one value by their number."""

    column: Column
    descending: bool

    @property
    def stored(self) -> str:
        """The SQL type of what is compared."""
        return _STORED[self.column.type]

    @property
    def value(self) -> str:
        return _value(self.column)

    @property
    def clause(self) -> str:
        direction = "DESC" if self.descending else "ASC"
        return f'ORDER BY "#value" {direction} NULLS LAST, "#number"'


@dataclass(frozen=True, slots=True)
class Beyond:
    """The row after which a sorted page goes on, and its value in the order."""

    number: int
    value: str | int | float | None


def found(
    source: Source, columns: Sequence[Column], q: str | None, most: int
) -> Statement:
    """The numbers of the first rows of a stretch that have the text, in order."""
    condition, values = _having(columns, q)
    return Statement(
        f'SELECT "#number" FROM {source.sql} WHERE {condition} '
        f'ORDER BY "#number" LIMIT {most:d}',
        source.values | values,
    )


def kept(
    source: Source,
    columns: Sequence[Column],
    q: str | None,
    order: Order,
    beyond: Beyond | None,
    most: int,
) -> Statement:
    """Adds a stretch's rows that may come next in the order to the table ``best``."""
    condition, values = _having(columns, q)
    values |= source.values
    after = "true"
    if beyond is not None:
        after, more = _after(order, beyond)
        values |= more
    return Statement(
        f'INSERT INTO best SELECT "#value", "#number" FROM '
        f'(SELECT *, {order.value} AS "#value" FROM {source.sql}) '
        f"WHERE ({condition}) AND ({after}) {order.clause} LIMIT {most:d}",
        values,
    )


def kept_again(source: Source, order: Order, numbers: Sequence[int]) -> Statement:
    """Adds rows of one part to the table ``best`` by their numbers."""
    return Statement(
        f'INSERT INTO best SELECT {order.value}, "#number" FROM {source.only(numbers)}',
        source.values,
    )


def new_best(order: Order) -> str:
    return f'CREATE TEMP TABLE best ("#value" {order.stored}, "#number" BIGINT)'


def trimmed_best(order: Order, most: int) -> str:
    """Keeps of ``best`` what a page needs: its memory is that of one page."""
    return (
        "CREATE OR REPLACE TEMP TABLE best AS "
        f"SELECT * FROM best {order.clause} LIMIT {most:d}"
    )


def best(order: Order, through: int) -> str:
    """The numbers in ``best`` in order, of the rows that were gone through for sure."""
    return f'SELECT "#number" FROM best WHERE "#number" <= {through:d} {order.clause}'


def value_of(source: Source, order: Order, number: int) -> Statement:
    """What the order compares of one row."""
    return Statement(
        f"SELECT {order.value} FROM {source.only([number])}", source.values
    )


def shown(
    source: Source,
    columns: Sequence[Column],
    numbers: Sequence[Sequence[int]],
    cut: int | None,
) -> Statement:
    """Rows of some parts: number, every cell, then for each whether it was cut.

    ``numbers`` are those of each part. The parts are read side by side.
    """
    cells = ", ".join(_cell(column, cut) for column in columns)
    longer = ", ".join(_longer(column, cut) for column in columns)
    values: dict[str, Any] = {}
    selections: list[str] = []
    for index, inside in enumerate(numbers):
        one = source.one(index)
        selections.append(f"SELECT * FROM {one.only(inside)}")
        values |= one.values
    # Cut once for all of them: to plan it for each would cost more than to read it.
    rows = " UNION ALL ".join(selections)
    return Statement(f'SELECT "#number", {cells}, {longer} FROM ({rows})', values)


def _after(order: Order, beyond: Beyond) -> tuple[str, dict[str, Any]]:
    later = f'"#number" > {beyond.number:d}'
    if beyond.value is None:
        return f'"#value" IS NULL AND {later}', {}
    further = "<" if order.descending else ">"
    value = f"$value::{order.stored}"
    return (
        f'"#value" {further} {value} OR ("#value" = {value} AND {later}) '
        'OR "#value" IS NULL',
        {"value": beyond.value},
    )


def _having(columns: Sequence[Column], q: str | None) -> tuple[str, dict[str, Any]]:
    """Whether any column has the text, as it is shown and whatever its case."""
    if q is None:
        return "true", {}
    texts = [text for column in columns if (text := _searched(column, q)) is not None]
    if not texts:
        return "false", {}
    return (
        " OR ".join(f"contains(lower({text}), lower($q))" for text in texts),
        {"q": q},
    )


def _searched(column: Column, q: str) -> str | None:
    name = _quoted(column.name)
    alphabet = _ALPHABETS.get(column.type)
    if alphabet is None:
        return name
    if alphabet.fullmatch(q) is None:
        return None
    if column.type == "time":
        return f"strftime(make_timestamp(epoch_us({name})), '%Y-%m-%dT%H:%M:%S.%gZ')"
    return f"{name}::VARCHAR"


def _cell(column: Column, cut: int | None) -> str:
    if cut is None or column.type not in ("text", "json"):
        return _value(column)
    return f"left({_quoted(column.name)}, {cut:d})"


def _longer(column: Column, cut: int | None) -> str:
    if cut is None or column.type not in ("text", "json"):
        return "false"
    return f"coalesce(length({_quoted(column.name)}) > {cut:d}, false)"


def _value(column: Column) -> str:
    name = _quoted(column.name)
    return f"epoch_ms({name})" if column.type == "time" else name


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
