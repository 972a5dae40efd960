"""Retry all that a filter shows: the count first, then the deed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson
from daybook.runtime.clock import Clock
from daybook.storage.times import to_ms
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from query.api.webhook_errors import told
from query.filters import AFTER, BEFORE, InvalidFilters
from query.pages.asked import COMMAND
from query.pages.desk import Desk
from query.pages.forms import Pairs, without
from query.pages.links import SENDOUTS
from query.pages.listing import given_pairs
from query.pages.posts import LONGEST_DRAFT, Fields, posted, see
from query.pages.ranges import RANGE, chosen_range
from query.pages.sendout_views import SHEET
from query.sessions import Session
from query.shapes import ms_text
from query.webhooks.filters import default_window, read_sendout_filters
from query.webhooks.parts import Webhooks

RETRY = "/webhook-retry"


def retry_page_of(pairs: Pairs) -> str:
    """The page that asks before all of these are retried."""
    asked = without(pairs, *SHEET.dropped)
    return f"{RETRY}?{urlencode(asked)}" if asked else RETRY


def retrying_pages(desk: Desk, webhooks: Webhooks, clock: Clock) -> APIRouter:
    """The page's routes."""
    router = APIRouter(include_in_schema=False)

    @router.get(RETRY)
    async def ask(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request, SENDOUTS)
        pairs = given_pairs(request)
        back = SHEET.address(pairs)
        try:
            body = {"filter": _filter(pairs, clock()), "dry_run": True}
        except InvalidFilters:
            # The list says what is wrong with which.
            return see(back)
        with told():
            found = await webhooks.actions.retry_all(session.caller.project_id, body)
        context: dict[str, Any] = {
            "back_href": back,
            "action": RETRY,
            "chips": SHEET.form(_pairs(found.filter), {}).chips,
            "count": found.count.number,
            "exact_count": not found.count.at_least,
            "only_failed": "status" not in dict(pairs),
            "sent_too": "SENT" in found.filter["status"],
            # Fixed from here on: what is retried is what was counted.
            "filters": orjson.dumps(dict(found.filter)).decode(),
        }
        return desk.page("webhooks_retry.html", context, session=session)

    @router.post(RETRY)
    async def retry_all(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        async def deed(session: Session, fields: Fields) -> Response:
            body = {"filter": _read(fields.get("filters", ""))}
            with told():
                found = await webhooks.actions.retry_all(
                    session.caller.project_id, body
                )
            # Their status is another one from now on.
            left = without(_pairs(found.filter), "status")
            if found.command is not None:
                left.append((COMMAND, found.command["id"]))
            return see(SHEET.address(left))

        return await posted(
            desk, request, back=SENDOUTS, deed=deed, longest=LONGEST_DRAFT
        )

    return router


def _filter(pairs: Pairs, now: datetime) -> dict[str, list[str]]:
    """What the list shows, as a filter with the window that it has now."""
    given = without(pairs, *SHEET.own)
    filters = read_sendout_filters(given)
    span, _ = chosen_range(pairs, default_window(filters))
    asked: dict[str, list[str]] = {}
    for name, value in given:
        asked.setdefault(name, []).append(value)
    if AFTER in asked or BEFORE in asked:
        return asked
    if span is not None:
        return asked | {AFTER: [ms_text(to_ms(now - span)) or ""]}
    if RANGE in dict(pairs):
        return asked | {BEFORE: [ms_text(to_ms(now) + 1) or ""]}
    return asked


def _read(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _pairs(chosen: Mapping[str, Sequence[str]]) -> Pairs:
    return [(name, value) for name, values in chosen.items() for value in values]
