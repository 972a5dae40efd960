"""What browsing an export answers with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["text", "time", "integer", "number", "json"]
# Times are RFC 3339 in UTC with milliseconds and ``Z``; json is the text as it was
# exported, never parsed: no number, order or duplicate key changes.
Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Column:
    """An exported field."""

    name: str
    type: ColumnType


@dataclass(frozen=True, slots=True)
class Row:
    """One row: ``number`` counts from 1 through the whole export, and never changes.

    ``cells`` are in the order of the columns. ``cut`` names the columns whose text
    here is only a beginning; :meth:`Browser.row` has it whole.
    """

    number: int
    cells: tuple[Cell, ...]
    cut: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Slice:
    """A page of rows.

    ``searched`` is how many of the export's ``total`` rows were gone through where the
    time ran out, else None. ``next_cursor`` goes on from there, also from a page
    without rows: a sorted search shows its first row once all parts are through.
    """

    columns: Sequence[Column]
    rows: Sequence[Row]
    total: int
    next_cursor: str | None
    searched: int | None = None


@dataclass(frozen=True, slots=True)
class SingleRow:
    """One row, whole."""

    columns: Sequence[Column]
    row: Row
