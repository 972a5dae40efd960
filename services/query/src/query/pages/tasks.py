"""The Background tasks page: the list, and beside it the task that was chosen."""

from http import HTTPStatus
from typing import Any

from daybook.runtime.clock import Clock
from daybook.runtime.mongo import Document
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from query.api.errors import ApiError
from query.api.failed_rows import csv_answer
from query.cursors import InvalidCursor
from query.filters import LONGEST_VALUE, InvalidFilters
from query.lists import Listed
from query.pages.desk import Desk
from query.pages.forms import CURSOR, Pairs, without
from query.pages.links import new_export
from query.pages.listing import (
    PAGE_LIMIT,
    given_pairs,
    list_context,
    problems_of,
    status_of,
)
from query.pages.task_detail import TaskDetails
from query.pages.task_views import EVERY_STATE, SHEET, Q, Row, make_form
from query.sessions import Session
from query.tasks.failed_rows import csv_of
from query.tasks.filters import read_task_filters
from query.tasks.reads import TaskReads
from query.tasks.shapes import failed_row_shape

_SAMPLE = """from daybook.client import Client

client = Client("KAFKA:9092", source="my-service", project_id="{project_id}")

async with client.task("VOUCHERS.IMPORT", total=n) as task:
    for voucher in vouchers:
        await store(voucher)
        task.advance(done=1)"""


def tasks_pages(
    desk: Desk, reads: TaskReads, details: TaskDetails, clock: Clock
) -> APIRouter:
    """The page's routes."""
    router = APIRouter(include_in_schema=False)

    @router.get("/tasks")
    async def show_list(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request)
        return await answer(request, session, None)

    @router.get("/tasks/{task_id:id}")
    async def show_task(request: Request, task_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request)
        return await answer(request, session, task_id)

    # Not below the task, whose id may end in anything.
    @router.get("/failed-rows.csv")
    async def download(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request)
        task_id = request.query_params.get("task", "")
        task = await reads.tasks.task(session.caller.project_id, task_id)
        if task is None:
            raise ApiError(
                HTTPStatus.NOT_FOUND,
                "async_action_not_found",
                f"There is no background task {task_id} in this project.",
            )
        text = request.query_params.get(Q, "")[:LONGEST_VALUE]
        rows = await reads.failed_rows.all(task, text)
        return csv_answer(task_id, csv_of(map(failed_row_shape, rows)))

    async def answer(
        request: Request, session: Session, task_id: str | None
    ) -> Response:
        project_id = session.caller.project_id
        pairs = given_pairs(request)
        context, status = await _list(reads, clock, project_id, pairs, task_id)
        context["sample"] = _SAMPLE.format(project_id=project_id)
        if task_id is not None:
            task = await reads.tasks.task(project_id, task_id)
            if task is None:
                context["missing"] = task_id
                status = HTTPStatus.NOT_FOUND
            else:
                context["detail"] = await details.of(task, pairs, clock())
        return desk.page("tasks.html", context, session=session, status=status)

    return router


async def _list(
    reads: TaskReads,
    clock: Clock,
    project_id: str,
    pairs: Pairs,
    task_id: str | None,
) -> tuple[dict[str, Any], HTTPStatus]:
    """The list's half of the page; a filter that cannot be read is said beside it."""
    problems: dict[str, str] = {}
    page: Listed | None = None
    try:
        page = await reads.lists.page(
            project_id,
            read_task_filters(without(pairs, *SHEET.own)),
            cursor_text=dict(pairs).get(CURSOR),
            limit=PAGE_LIMIT,
            default_window=None,
        )
    except (InvalidFilters, InvalidCursor) as error:
        problems = dict(problems_of(error))
    now, kept = clock(), without(pairs, Q)

    def row(task: Document) -> Row:
        href = SHEET.address(kept, task["id"])
        return Row(task, now, href, selected=task["id"] == task_id)

    form = make_form(pairs, problems)
    context = list_context(SHEET, pairs, form, problems, page, row)
    context |= {
        "list_href": SHEET.address(kept),
        "refresh_href": SHEET.address(pairs, task_id),
        "states": EVERY_STATE,
        "export_href": new_export("async_action", kept) if context["rows"] else None,
    }
    return context, status_of(problems)
