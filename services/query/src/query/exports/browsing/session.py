"""One DuckDB of its own for one answer, which can read the export's parts and no more.

Everything here blocks and runs in a thread; :meth:`Session.interrupt` is for others.
"""

# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa
from pyarrow import parquet

from query.exports.browsing.slices import Column, ColumnType
from query.exports.browsing.statements import Statement

# A page needs some row groups at once (8 MiB each before its columns are unpacked) and
# the rows that it shows. Nothing is ever written to disk to get by with less.
MEMORY = "512MB"
# One statement may have this many cores; how many run at once is the browser's bound.
THREADS = 2
# How the exporter marks a text column that holds JSON.
_MARK, _JSON = b"daybook", b"json"


class Interrupted(Exception):
    """The statement was told to end."""


class TooLarge(Exception):
    """The rows do not fit into the memory that an answer may take."""


class PartUnreadable(Exception):
    """A part's file is not there, or is no Parquet; the message says why."""


class Session:
    """A database in memory, locked to the files that it is given."""

    def __init__(self, files: Sequence[str]) -> None:
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "threads": THREADS,
                "memory_limit": MEMORY,
                "temp_directory": "",
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
            },
        )
        # Whatever a statement says, there is nothing else for it to read, to write or
        # to load, and no way to change that.
        self._connection.execute("SET allowed_paths = $files", {"files": list(files)})
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")

    def run(self, statement: Statement | str) -> list[tuple[Any, ...]]:
        """All rows of a statement.

        Raises :class:`Interrupted`, :class:`TooLarge` and :class:`PartUnreadable`.
        """
        if isinstance(statement, str):
            statement = Statement(statement, {})
        try:
            made = self._connection.execute(statement.sql, statement.values or None)
            return made.fetchall()
        except duckdb.InterruptException as error:
            raise Interrupted from error
        except duckdb.OutOfMemoryException as error:
            raise TooLarge from error
        except (duckdb.IOException, duckdb.InvalidInputException) as error:
            raise PartUnreadable(str(error).partition("\n")[0]) from error

    def interrupt(self) -> None:
        """End what runs; what has not begun yet hears nothing. Safe from any thread."""
        self._connection.interrupt()

    def close(self) -> None:
        """Give its memory back; nothing may run."""
        self._connection.close()


def columns_in(file: str) -> Sequence[Column]:
    """The columns of a part, in order; raises :class:`PartUnreadable`."""
    try:
        schema = parquet.read_schema(file)
    except (OSError, pa.ArrowInvalid) as error:
        raise PartUnreadable(str(error)) from error
    return [Column(field.name, _type(field)) for field in schema]


def _type(field: Any) -> ColumnType:
    if (field.metadata or {}).get(_MARK) == _JSON:
        return "json"
    if pa.types.is_timestamp(field.type):
        return "time"
    if pa.types.is_integer(field.type):
        return "integer"
    if pa.types.is_floating(field.type):
        return "number"
    return "text"
