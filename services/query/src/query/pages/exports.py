"""The Exports page: the list, and beside it the export that was chosen."""

from http import HTTPStatus
from typing import Any

from daybook.runtime.mongo import Document
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from query.api.errors import ApiError
from query.cursors import InvalidCursor
from query.exports.filters import DEFAULT_ORDER, read_export_filters
from query.exports.parts import ExportParts
from query.filters import InvalidFilters
from query.lists import Listed
from query.pages.asked import COMMAND, Asked, asked
from query.pages.desk import Desk
from query.pages.export_detail import export_detail
from query.pages.export_views import EVERY_STATE, FINISHED, SAID, SHEET, Row, make_form
from query.pages.forms import CURSOR, Pairs, without
from query.pages.links import EXPORTS
from query.pages.listing import (
    PAGE_LIMIT,
    given_pairs,
    list_context,
    problems_of,
    status_of,
)
from query.sessions import Session
from query.webhooks.commands import Commands

MADE, AGAIN, ENDED = "made", "again", "ended"
_UNDER_WAY = {
    MADE: "It is asked for, and runs as soon as there is room.",
    AGAIN: "This is a new export of the same, and runs as soon as there is room.",
}


def exports_pages(desk: Desk, exports: ExportParts, commands: Commands) -> APIRouter:
    """The page's routes."""
    router = APIRouter(include_in_schema=False)

    @router.get(EXPORTS)
    async def show_list(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request)
        return await answer(request, session, None)

    @router.get(f"{EXPORTS}/{{export_id}}")
    async def show_export(request: Request, export_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request)
        return await answer(request, session, export_id)

    async def answer(
        request: Request, session: Session, export_id: str | None
    ) -> Response:
        project_id, pairs = session.caller.project_id, given_pairs(request)
        kept = without(pairs, COMMAND, SAID)
        context, status = await _list(exports, project_id, kept, export_id)
        said = await asked(commands, project_id, pairs)
        context["asked"] = said if export_id is None else None
        if export_id is not None:
            try:
                export = await exports.stored.find(project_id, export_id)
            except ApiError as error:
                context["missing"] = export_id
                status = error.status
            else:
                said = said or _said(export, pairs)
                context["detail"] = export_detail(export, kept, exports.clock(), said)
                context["once"] = exports.making.once()
        return desk.page("exports.html", context, session=session, status=status)

    return router


def _said(export: Document, pairs: Pairs) -> Asked | None:
    """What a form has just done, as far as it is true of the export."""
    word = dict(pairs).get(SAID)
    finished = export["status"] in FINISHED
    if word == ENDED and finished:
        return Asked("It had ended before, so it stays as it is.", "idle", None)
    if word in _UNDER_WAY and not finished:
        return Asked(_UNDER_WAY[word], "busy", None)
    return None


async def _list(
    exports: ExportParts, project_id: str, pairs: Pairs, export_id: str | None
) -> tuple[dict[str, Any], HTTPStatus]:
    """The list's half of the page; a filter that cannot be read is said beside it."""
    problems: dict[str, str] = {}
    page: Listed | None = None
    try:
        filters = read_export_filters(without(pairs, *SHEET.own))
        found = await exports.lists.page(
            project_id,
            filters,
            DEFAULT_ORDER,
            limit=PAGE_LIMIT,
            cursor_text=dict(pairs).get(CURSOR),
        )
        page = Listed(found.rows, filters.window, found.next_cursor, None)
    except (InvalidFilters, InvalidCursor) as error:
        problems = dict(problems_of(error))
    now = exports.clock()

    def row(export: Document) -> Row:
        href = SHEET.address(pairs, export["id"])
        return Row(export, now, href, selected=export["id"] == export_id)

    form = make_form(pairs, problems)
    context = list_context(SHEET, pairs, form, problems, page, row)
    context |= {
        "list_href": SHEET.address(pairs),
        "refresh_href": SHEET.address(pairs, export_id),
        "states": EVERY_STATE,
    }
    return context, status_of(problems)
