"""What browsing an export shows: columns, cells, one row; no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from query.exports.browsing.slices import Cell, Column, Row, SingleRow, Slice
from query.pages.forms import CURSOR, Pairs, without
from query.pages.links import browse_page, row_page
from query.pages.text import count, formatted_json, has_nul

Q, SORT = "q", "sort"
# Enough to know a body by; the row's own page has all of it.
_SHOWN = 120
# What cannot be browsed, by the API's key: what is so, and what to do about it.
STATES: Mapping[str, tuple[str, str]] = {
    "export_not_ready": (
        "Not ready yet",
        "Its rows can be browsed once it is done: its page shows how far it is.",
    ),
    "export_not_browsable": (
        "Nothing to browse",
        "It failed, or another service of the platform made its file. Browsing reads "
        "what Daybook wrote itself.",
    ),
    "export_expired": (
        "The file has expired",
        "Files are kept for 90 days. Run the export again for a new one.",
    ),
    "export_files_missing": (
        "The files are not there",
        "Somebody else removed or changed them in the object storage. Run the export "
        "again, and tell the operators.",
    ),
    "export_row_not_found": (
        "No such row",
        "The export has no row of that number: the first is 1.",
    ),
    "export_rows_too_large": (
        "Too large for one page",
        "These rows do not fit into one answer. Sort by another column, or download "
        "the file.",
    ),
    "browsing_too_slow": (
        "It took too long",
        "The files may still be on their way here. Reload this page in some seconds.",
    ),
    "browsing_busy": (
        "Others are browsing",
        "As many exports are being read as this process reads at once. Reload this "
        "page in some seconds.",
    ),
    "storage_unavailable": (
        "The storage does not answer",
        "Reload this page in some seconds.",
    ),
}


@dataclass(frozen=True, slots=True)
class Head:
    """A column's head: a link that sorts by it, or the other way round."""

    name: str
    href: str
    sorted: str | None  # as aria-sort has it
    number: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell; ``opens`` leads to all of it, ``words`` say as what."""

    text: str
    absent: bool
    number: bool
    opens: str | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table."""

    number: int
    href: str
    cells: Sequence[Shown]


@dataclass(frozen=True, slots=True)
class Whole:
    """One value of one row, whole."""

    name: str
    text: str
    absent: bool
    formatted: str | None
    long: bool
    nul: bool


def address(export_id: str, pairs: Pairs) -> str:
    path = browse_page(export_id)
    return f"{path}?{urlencode(pairs)}" if pairs else path


def heads(export_id: str, found: Slice, pairs: Pairs) -> list[Head]:
    """The columns; the sorted one turns round, the others begin ascending."""
    given = dict(pairs).get(SORT, "")
    others = without(pairs, SORT, CURSOR)
    made: list[Head] = []
    for column in found.columns:
        ways = {column.name: "ascending", f"-{column.name}": "descending"}
        sort = f"-{column.name}" if given == column.name else column.name
        href = address(export_id, [*others, (SORT, sort)])
        made.append(Head(column.name, href, ways.get(given), _is_number(column)))
    return made


def lines(export_id: str, found: Slice, pairs: Pairs) -> list[Line]:
    query = f"?{urlencode(pairs)}" if pairs else ""
    return [
        Line(
            row.number,
            f"{row_page(export_id, row.number)}{query}",
            [
                _shown(column, cell, row, f"{row_page(export_id, row.number)}{query}")
                for column, cell in zip(found.columns, row.cells, strict=True)
            ],
        )
        for row in found.rows
    ]


def wholes(found: SingleRow) -> list[Whole]:
    """The values of one row, in the order of its columns."""
    values: list[Whole] = []
    for column, cell in zip(found.columns, found.row.cells, strict=True):
        text = "" if cell is None else str(cell)
        long = isinstance(cell, str) and (len(text) > _SHOWN or _is_json(column, text))
        formatted = formatted_json(text) if long else None
        absent = cell is None
        values.append(Whole(column.name, text, absent, formatted, long, has_nul(text)))
    return values


def searched(found: Slice, *, sorts: bool) -> str | None:
    """How far it got where the time was over."""
    if found.searched is None:
        return None
    through = f"{count(found.searched)} of {count(found.total)} rows"
    if sorts:
        return f"Sorted {through} so far. They are shown once all are gone through."
    so_far = "" if found.rows else ", with no match so far"
    return f"Searched {through}{so_far}."


def _shown(column: Column, cell: Cell, row: Row, href: str) -> Shown:
    number = _is_number(column)
    if cell is None:
        return Shown("", absent=True, number=number)
    text = str(cell)
    is_json = isinstance(cell, str) and _is_json(column, text)
    if not is_json and len(text) <= _SHOWN and column.name not in row.cut:
        return Shown(text, absent=False, number=number)
    return Shown(
        f"{text[:_SHOWN]}\u2026" if len(text) > _SHOWN else text,
        absent=False,
        number=number,
        opens=f"{href}#{column.name}",
        words="Open as JSON" if is_json else "Open whole",
    )


def _is_json(column: Column, text: str) -> bool:
    """As far as a beginning tells."""
    return column.type == "json" or text.lstrip()[:1] in ("{", "[")


def _is_number(column: Column) -> bool:
    return column.type in ("integer", "number")
