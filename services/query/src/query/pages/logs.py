"""The Logs page: the list, and beside it the log that was chosen."""

from http import HTTPStatus
from typing import Any

from daybook.runtime.mongo import Document
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from query.cursors import InvalidCursor
from query.filters import InvalidFilters
from query.import_files.repository import ImportFiles
from query.lists import Listed, Lists
from query.logs.filters import default_window, read_filters
from query.logs.repository import Logs
from query.logs.shapes import log_shape
from query.pages import text
from query.pages.desk import HOME, Desk
from query.pages.forms import CURSOR, Link, Pairs, without
from query.pages.import_files import import_file_href
from query.pages.links import (
    import_file_link,
    new_export,
    task_page,
    tasks_of_request,
)
from query.pages.listing import (
    PAGE_LIMIT,
    given_pairs,
    list_context,
    problems_of,
    status_of,
)
from query.pages.log_views import SHEET, Row, facts, make_form
from query.pages.ranges import all_time, chosen_range
from query.sessions import Session
from query.tasks.causes import Causes

_SAMPLE = """from daybook.client import Client
from daybook.integrations.asgi import DaybookMiddleware

client = Client("KAFKA:9092", source="my-service", project_id="{project_id}")
app.add_middleware(DaybookMiddleware, publisher=client)"""


def logs_pages(
    desk: Desk,
    logs: Logs,
    lists: Lists,
    import_files: ImportFiles,
    causes: Causes,
) -> APIRouter:
    """The page's routes."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def home() -> Response:  # pyright: ignore[reportUnusedFunction]
        return RedirectResponse(HOME, HTTPStatus.SEE_OTHER)

    @router.get("/logs")
    async def show_list(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request)
        return await answer(request, session, None)

    @router.get("/logs/{log_id:id}")
    async def show_log(request: Request, log_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request)
        return await answer(request, session, log_id)

    async def answer(
        request: Request, session: Session, log_id: str | None
    ) -> Response:
        project_id = session.caller.project_id
        context, status = await _list(lists, project_id, given_pairs(request), log_id)
        context["sample"] = _SAMPLE.format(project_id=project_id)
        if log_id is not None:
            document = await logs.get(project_id, log_id)
            if document is None:
                context["missing"] = log_id
                status = HTTPStatus.NOT_FOUND
            else:
                shape = log_shape(document, whole=True)
                file = await import_file_href(
                    import_files, project_id, shape["import_file_id"]
                )
                context["detail"] = _detail(shape, import_file_link(file))
                context["detail"]["task_link"] = await task_link(document)
        return desk.page("logs.html", context, session=session, status=status)

    async def task_link(log: Document) -> Link | None:
        """The task that a log names, else the tasks that name its request."""
        if log.get("task_id"):
            return Link("Show the background task", task_page(log["task_id"]))
        request_id = log.get("request_id")
        if request_id and await causes.any_of(
            log["project_id"], request_id, log["created_at"]
        ):
            return Link("Show its background tasks", tasks_of_request(request_id))
        return None

    return router


async def _list(
    lists: Lists, project_id: str, pairs: Pairs, log_id: str | None
) -> tuple[dict[str, Any], HTTPStatus]:
    """The list's half of the page; a filter that cannot be read is said beside it."""
    problems: dict[str, str] = {}
    page: Listed | None = None
    shown: str | None = None
    try:
        filters = read_filters(without(pairs, *SHEET.own))
        default, shown = chosen_range(pairs, default_window(filters))
        page = await lists.page(
            project_id,
            filters,
            cursor_text=dict(pairs).get(CURSOR),
            limit=PAGE_LIMIT,
            default_window=default,
        )
    except (InvalidFilters, InvalidCursor) as error:
        problems = dict(problems_of(error))

    def row(document: Document) -> Row:
        shape = log_shape(document, whole=False)
        href = SHEET.address(pairs, shape["id"])
        return Row(shape, href, selected=shape["id"] == log_id)

    form = make_form(pairs, problems, shown)
    context = list_context(SHEET, pairs, form, problems, page, row)
    context |= {
        "list_href": SHEET.address(pairs),
        "all_href": all_time(SHEET, pairs),
        "export_href": new_export("api_log", pairs) if context["rows"] else None,
    }
    return context, status_of(problems)


def _detail(shape: dict[str, Any], file: Link | None) -> dict[str, Any]:
    return {
        "log": shape,
        "facts": facts(shape, {"import_file_id": file}),
        "sides": [
            {
                "name": name,
                "message": message,
                "formatted": _formatted(message),
                "nul": bool(message) and text.has_nul(message["body"] or ""),
            }
            for name, message in (
                ("Request", shape["request"]),
                ("Response", shape["response"]),
            )
        ],
    }


def _formatted(message: dict[str, Any] | None) -> str | None:
    if not message or not message["body"] or message["body_encoding"] == "base64":
        return None
    return text.formatted_json(message["body"])
