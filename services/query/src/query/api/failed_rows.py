"""``/v1/async-actions/{id}/failed-rows``: as a list, and as CSV."""

from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from query.api.answers import json_answer, list_shape, readable
from query.api.parameters import paging_parameters, parameter, split_paging
from query.api.task_models import FailedRowPage
from query.api.tasks import ERRORS, find_task
from query.auth import Authenticator
from query.filters import LONGEST_VALUE, InvalidFilters
from query.tasks.failed_rows import FailedRows, csv_of
from query.tasks.repository import Tasks
from query.tasks.shapes import failed_row_shape

_NAMES = ("q", "format")
_PARAMETERS = [
    parameter(
        "q", {"type": "string"}, "Text in code, source_id or reason, whatever its case."
    ),
    parameter(
        "format",
        {"type": "string", "enum": ["json", "csv"], "default": "json"},
        "csv: a file of all rows, without limit and cursor.",
    ),
    *paging_parameters(),
]


def failed_rows_router(
    tasks: Tasks, failed_rows: FailedRows, authenticator: Authenticator
) -> APIRouter:
    """The route, reading through what it is given."""
    router = APIRouter(tags=["Background tasks"])

    @router.get(
        "/v1/async-actions/{task_id:id}/failed-rows",
        summary="List a task's failed rows",
        response_model=FailedRowPage,
        responses=ERRORS,
        openapi_extra={"parameters": _PARAMETERS},
    )
    async def list_failed_rows(request: Request, task_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """The rows that the task's run could not process, by row: the first 1,000.

        failed_count of the task says how many failed in all. With format=csv, text that
        a spreadsheet would take for a formula has an apostrophe in front.
        """
        items = request.query_params.multi_items()
        with readable(_NAMES):
            pairs, paging = split_paging(items)
            text, as_csv = _read(pairs)
            if as_csv and len(pairs) < len(items):
                raise InvalidFilters({"format": "leave limit and cursor out with csv"})
            task = await find_task(tasks, authenticator, request, task_id)
            if as_csv:
                rows = await failed_rows.all(task, text)
                return csv_answer(task["id"], csv_of(map(failed_row_shape, rows)))
            page = await failed_rows.page(
                task, text, cursor_text=paging.cursor, limit=paging.limit
            )
        shown = [failed_row_shape(row) for row in page.rows]
        return json_answer(list_shape("failed_rows", shown, page.next_cursor))

    return router


def _read(pairs: list[tuple[str, str]]) -> tuple[str, bool]:
    given: dict[str, str] = {}
    for name, value in pairs:
        if name not in _NAMES:
            raise InvalidFilters({name: f"is unknown; use {', '.join(_NAMES)}"})
        if name in given:
            raise InvalidFilters({name: "give it once"})
        given[name] = value
    if given.get("format", "json") not in ("json", "csv"):
        raise InvalidFilters({"format": "use json or csv"})
    if len(given.get("q", "")) > LONGEST_VALUE:
        raise InvalidFilters({"q": f"give at most {LONGEST_VALUE} characters"})
    return given.get("q", ""), given.get("format") == "csv"


def csv_answer(task_id: str, text: str) -> Response:
    """CSV to be saved, under a name that any client can read."""
    plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in task_id)
    names = (
        f'filename="failed-rows-{plain}.csv"',
        f"filename*=UTF-8''{quote(f'failed-rows-{task_id}.csv', safe='')}",
    )
    return Response(
        text.encode(),
        media_type="text/csv; charset=utf-8; header=present",
        headers={"content-disposition": f"attachment; {'; '.join(names)}"},
    )
