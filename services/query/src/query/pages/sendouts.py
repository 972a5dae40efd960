"""The Webhooks page: the list of sendouts, and beside it the one that was chosen."""

from http import HTTPStatus
from typing import Any

from daybook.runtime.clock import Clock
from daybook.runtime.mongo import Document
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from query.api.webhook_errors import told
from query.cursors import InvalidCursor
from query.filters import InvalidFilters
from query.lists import Listed
from query.pages.asked import COMMAND, asked
from query.pages.desk import Desk
from query.pages.forms import CURSOR, Pairs, without
from query.pages.links import SENDOUTS, new_export, sendout_page
from query.pages.listing import (
    PAGE_LIMIT,
    given_pairs,
    list_context,
    problems_of,
    status_of,
)
from query.pages.posts import Fields, posted, see
from query.pages.ranges import all_time, chosen_range
from query.pages.retrying import retry_page_of
from query.pages.sendout_detail import SendoutDetails
from query.pages.sendout_views import SHEET, Row, make_form
from query.sessions import Session
from query.webhooks.filters import default_window, read_sendout_filters
from query.webhooks.parts import Webhooks
from query.webhooks.sendout_shapes import sendout_shape
from query.webhooks.sendouts import NoSuchSendout

_SAMPLE = """from daybook.client import Client

client = Client("KAFKA:9092", source="my-service", project_id="{project_id}")

client.publish_webhook(
    "voucher.created",
    {{"code": "SPRING-0001", "amount": "10.00"}},
    entity_id="SPRING-0001",
)"""


def sendouts_pages(desk: Desk, webhooks: Webhooks, clock: Clock) -> APIRouter:
    """The page's routes."""
    router = APIRouter(include_in_schema=False)
    details = SendoutDetails(webhooks.sendouts)

    @router.get(SENDOUTS)
    async def show_list(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request)
        return await answer(request, session, None)

    @router.get(f"{SENDOUTS}/{{sendout_id}}")
    async def show_sendout(request: Request, sendout_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request)
        return await answer(request, session, sendout_id)

    @router.post(f"{SENDOUTS}/{{sendout_id}}/retry")
    async def retry(request: Request, sendout_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        page = sendout_page(sendout_id)

        async def deed(session: Session, _: Fields) -> Response:
            with told():
                command = await webhooks.actions.retry(
                    session.caller.project_id, sendout_id
                )
            return see(f"{page}?{COMMAND}={command['id']}")

        return await posted(desk, request, back=page, deed=deed)

    async def answer(
        request: Request, session: Session, sendout_id: str | None
    ) -> Response:
        project_id, pairs = session.caller.project_id, given_pairs(request)
        kept = without(pairs, COMMAND)
        context, status = await _list(webhooks, project_id, kept, sendout_id)
        context["sample"] = _SAMPLE.format(project_id=project_id)
        said = await asked(webhooks.commands, project_id, pairs)
        context["asked"] = said if sendout_id is None else None
        if sendout_id is not None:
            try:
                context["detail"] = await details.of(
                    project_id, sendout_id, kept, clock(), said
                )
            except NoSuchSendout:
                context["missing"] = sendout_id
                status = HTTPStatus.NOT_FOUND
        return desk.page("webhooks.html", context, session=session, status=status)

    return router


async def _list(
    webhooks: Webhooks, project_id: str, pairs: Pairs, sendout_id: str | None
) -> tuple[dict[str, Any], HTTPStatus]:
    """The list's half of the page; a filter that cannot be read is said beside it."""
    problems: dict[str, str] = {}
    page: Listed | None = None
    shown: str | None = None
    try:
        filters = read_sendout_filters(without(pairs, *SHEET.own))
        span, shown = chosen_range(pairs, default_window(filters))
        page = await webhooks.sendouts.page_within(
            project_id,
            filters,
            span,
            cursor_text=dict(pairs).get(CURSOR),
            limit=PAGE_LIMIT,
        )
    except (InvalidFilters, InvalidCursor) as error:
        problems = dict(problems_of(error))

    def row(document: Document) -> Row:
        shape = sendout_shape(document)
        href = SHEET.address(pairs, shape["id"])
        return Row(shape, href, selected=shape["id"] == sendout_id)

    form = make_form(pairs, problems, shown)
    context = list_context(SHEET, pairs, form, problems, page, row)
    context |= {
        "list_href": SHEET.address(pairs),
        "refresh_href": SHEET.address(pairs, sendout_id),
        "all_href": all_time(SHEET, pairs),
        "retry_href": retry_page_of(pairs) if context["rows"] else None,
        "export_href": new_export("webhook_sendout", pairs)
        if context["rows"]
        else None,
    }
    return context, status_of(problems)
