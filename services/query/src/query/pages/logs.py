"""The Logs page: the list, and beside it the log that was chosen."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from query.cursors import InvalidCursor
from query.filters import AFTER, BEFORE, InvalidFilters
from query.lists import Listed, Lists
from query.logs.filters import default_window, read_filters
from query.logs.repository import Logs
from query.logs.shapes import log_shape
from query.pages import text
from query.pages.desk import HOME, Desk
from query.pages.views import (
    DEFAULT_RANGE,
    PAGE_PARAMETERS,
    RANGE,
    RANGES,
    Pairs,
    Row,
    address,
    facts,
    make_form,
    without,
)
from query.sessions import Session
from query.shapes import ms_text

PAGE_LIMIT = 50
_SAMPLE = """from daybook.client import Client
from daybook.integrations.asgi import DaybookMiddleware

client = Client("KAFKA:9092", source="my-service", project_id="{project_id}")
app.add_middleware(DaybookMiddleware, publisher=client)"""


def logs_pages(desk: Desk, logs: Logs, lists: Lists) -> APIRouter:
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

    @router.get("/logs/{log_id:path}")
    async def show_log(request: Request, log_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request)
        return await answer(request, session, log_id)

    async def answer(
        request: Request, session: Session, log_id: str | None
    ) -> Response:
        # A form sends its empty fields too.
        pairs = [pair for pair in request.query_params.multi_items() if pair[1]]
        context, status = await _list_context(
            lists, session.caller.project_id, pairs, log_id
        )
        context |= {
            "detail": None,
            "missing": None,
            "sample": _SAMPLE.format(project_id=session.caller.project_id),
        }
        if log_id is not None:
            document = await logs.get(session.caller.project_id, log_id)
            if document is None:
                context["missing"] = log_id
                status = HTTPStatus.NOT_FOUND
            else:
                context["detail"] = _detail(log_shape(document, whole=True))
        return desk.page("logs.html", context, session=session, status=status)

    return router


async def _list_context(
    lists: Lists, project_id: str, pairs: Pairs, log_id: str | None
) -> tuple[dict[str, Any], HTTPStatus]:
    """The list's half of the page; a filter that cannot be read is said beside it."""
    problems: dict[str, str] = {}
    page: Listed | None = None
    shown: str | None = None
    try:
        filters = read_filters(without(pairs, *PAGE_PARAMETERS))
        chosen = dict(pairs).get(RANGE)
        if chosen is not None and chosen not in RANGES:
            raise InvalidFilters({RANGE: f"Choose a period of {', '.join(RANGES)}."})
        default = RANGES[chosen][1] if chosen else default_window(filters)
        if not {AFTER, BEFORE}.intersection(name for name, _ in pairs):
            shown = chosen or ("all" if default is None else DEFAULT_RANGE)
        page = await lists.page(
            project_id,
            filters,
            cursor_text=dict(pairs).get("cursor"),
            limit=PAGE_LIMIT,
            default_window=default,
        )
    except InvalidFilters as error:
        problems = dict(error.problems)
    except InvalidCursor as error:
        problems = {"cursor": str(error)}
    rows = [
        Row(shape, address(pairs, shape["id"]), shape["id"] == log_id)
        for shape in (
            log_shape(log, whole=False) for log in (page.rows if page else ())
        )
    ]
    first = without(pairs, "cursor")
    older = page.next_cursor if page else None
    context: dict[str, Any] = {
        "form": make_form(pairs, problems, shown),
        "invalid": bool(problems),
        "rows": rows,
        "list_href": address(pairs),
        "newest_href": address(first) if len(first) != len(pairs) else None,
        "older_href": address([*first, ("cursor", older)]) if older else None,
        "searched_until": ms_text(page.searched_until) if page else None,
        "from_text": ms_text(page.window.after) if page else None,
        "until_text": ms_text(page.window.before) if page else None,
        "filtered": any(name not in PAGE_PARAMETERS for name, _ in pairs),
        "all_href": address([*without(first, RANGE, AFTER, BEFORE), (RANGE, "all")]),
        "whole_history": page is not None and page.window.after is None,
    }
    return context, HTTPStatus.BAD_REQUEST if problems else HTTPStatus.OK


def _detail(shape: dict[str, Any]) -> dict[str, Any]:
    return {
        "log": shape,
        "facts": facts(shape),
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
