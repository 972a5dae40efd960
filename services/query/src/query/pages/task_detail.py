"""The detail of one task: its state, its history, its failed rows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from daybook.runtime.mongo import Document
from daybook.storage.tasks import MOST_FAILED_ROWS

from query.import_files.repository import ImportFiles
from query.pages.forms import CURSOR, Pairs, without
from query.pages.import_files import import_file_href
from query.pages.links import import_file_link
from query.pages.task_views import SHEET, Q, Row, cause, facts
from query.pages.timelines import runs_of
from query.tasks.failed_rows import FailedRows
from query.tasks.shapes import failed_row_shape
from query.tasks.timeline import Timelines

# A thousand reasons of a megabyte each would hang the page; the CSV has all of them.
_LONGEST_CELL = 2_000
_COLUMNS = ("code", "source_id", "reason")


@dataclass(frozen=True, slots=True)
class TaskDetails:
    """Reads what belongs to one task, for its page."""

    failed_rows: FailedRows
    timelines: Timelines
    import_files: ImportFiles

    async def of(self, task: Document, pairs: Pairs, now: datetime) -> dict[str, Any]:
        """What the template shows; TimeoutError when nothing answers."""
        file = await import_file_href(
            self.import_files, task["project_id"], task.get("import_file_id")
        )
        ends = await self.timelines.of(task)
        href = SHEET.address(pairs, task["id"])
        return {
            "row": Row(task, now, href),
            "message": task.get("message"),
            "facts": facts(task, {"import_file_id": import_file_link(file)}),
            "cause": cause(task),
            "runs": None if ends is None else runs_of(ends),
            "failed": await self._failed(task, pairs),
        }

    async def _failed(self, task: Document, pairs: Pairs) -> dict[str, Any] | None:
        kept = await self.failed_rows.all(task)
        counted = max(task.get("failed_count") or 0, len(kept))
        if not counted:
            return None
        text = dict(pairs).get(Q, "")
        found = await self.failed_rows.all(task, text) if text else kept
        download = [("task", task["id"]), *([(Q, text)] if text else [])]
        others = without(pairs, Q, CURSOR)
        return {
            "rows": [_row(row) for row in found],
            "kept": len(kept),
            "counted": counted,
            "more": counted - len(kept),
            "most": MOST_FAILED_ROWS,
            "q": text,
            "action": SHEET.address([], task["id"]),
            "hidden": without(pairs, Q),
            "all_href": SHEET.address(others, task["id"]),
            "csv_href": f"/failed-rows.csv?{urlencode(download)}",
        }


def _row(document: Document) -> dict[str, Any]:
    shape = failed_row_shape(document)
    for name in _COLUMNS:
        text: str | None = shape[name]
        if text is not None and len(text) > _LONGEST_CELL:
            shape[name] = f"{text[:_LONGEST_CELL]}\u2026"
    return shape
