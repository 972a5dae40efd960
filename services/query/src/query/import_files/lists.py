"""The list of a project's import files, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from daybook.storage.times import to_ms

from query.cursors import Cursor, Position, read_cursor, write_cursor
from query.filters import Filters, Window
from query.import_files.repository import ImportFile, ImportFiles
from query.import_files.shapes import LIST

# It has none yet; a cursor is bound to them all the same.
_NO_FILTERS = Filters()


@dataclass(frozen=True, slots=True)
class ImportFileList:
    """A page of the list."""

    files: Sequence[ImportFile]
    next_cursor: str | None


async def page_of(
    files: ImportFiles, project_id: str, *, cursor_text: str | None, limit: int
) -> ImportFileList:
    """At most ``limit`` files, newest first; raises InvalidCursor."""
    below: Position | None = None
    if cursor_text is not None:
        below = read_cursor(cursor_text, LIST, project_id, _NO_FILTERS).position
    # One more tells whether there are more.
    found = await files.newest(project_id, below=below, limit=limit + 1)
    shown = found[:limit]
    if len(found) == len(shown):
        return ImportFileList(shown, None)
    place = Position(to_ms(shown[-1].created_at), shown[-1].id)
    following = write_cursor(Cursor(place, Window()), LIST, project_id, _NO_FILTERS)
    return ImportFileList(shown, following)
