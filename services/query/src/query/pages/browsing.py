"""Browse data: an export's rows in pages, sorted and searched, without its file."""

from http import HTTPStatus
from typing import Any

from daybook.runtime.mongo import Document
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from query.api.errors import ApiError
from query.connected import ClientGone, nobody_there, unless_gone
from query.cursors import InvalidCursor
from query.exports.parts import ExportParts
from query.filters import InvalidFilters
from query.pages.browsing_views import (
    SORT,
    STATES,
    Q,
    address,
    heads,
    lines,
    searched,
    wholes,
)
from query.pages.desk import Desk
from query.pages.export_detail import of_export
from query.pages.export_views import Row
from query.pages.forms import CURSOR, Pairs, without
from query.pages.links import EXPORTS, browse_page, export_page
from query.pages.listing import PAGE_LIMIT, given_pairs, problems_of
from query.sessions import Session

_ROWS = f"{EXPORTS}/{{export_id}}/rows"
# So long a number is no row's, and int() would refuse much longer ones.
_MOST_DIGITS = 15


def browsing_pages(desk: Desk, exports: ExportParts) -> APIRouter:
    """The page's routes."""
    router = APIRouter(include_in_schema=False)

    @router.get(_ROWS)
    async def show_rows(request: Request, export_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request)
        export = await exports.stored.find(session.caller.project_id, export_id)
        pairs = [pair for pair in given_pairs(request) if pair[0] in (Q, SORT, CURSOR)]
        context = about(export, pairs)
        given = dict(pairs)
        browsing = exports.browser.rows(
            export,
            q=given.get(Q),
            sort=given.get(SORT),
            cursor=given.get(CURSOR),
            limit=PAGE_LIMIT,
        )
        try:
            found = await unless_gone(request, browsing)
        except ClientGone:
            return nobody_there()
        except ApiError as error:
            return refused(session, context, error)
        except (InvalidFilters, InvalidCursor) as error:
            context["problems"] = problems_of(error)
            return shown(session, context, HTTPStatus.BAD_REQUEST)
        first = without(pairs, CURSOR)
        following = [*first, (CURSOR, found.next_cursor or "")]
        context |= {
            "total": found.total,
            "heads": heads(export_id, found, first),
            "lines": lines(export_id, found, pairs),
            "searched": searched(found, sorts=SORT in given),
            "first_href": address(export_id, first) if CURSOR in given else None,
            "next_href": address(export_id, following) if found.next_cursor else None,
        }
        return shown(session, context, HTTPStatus.OK)

    @router.get(f"{_ROWS}/{{number}}")
    async def show_row(request: Request, export_id: str, number: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request)
        export = await exports.stored.find(session.caller.project_id, export_id)
        pairs = [pair for pair in given_pairs(request) if pair[0] in (Q, SORT, CURSOR)]
        context = about(export, pairs)
        try:
            found = await unless_gone(
                request, exports.browser.row(export, _number(number))
            )
        except ClientGone:
            return nobody_there()
        except ApiError as error:
            return refused(session, context, error)
        context |= {"number": found.row.number, "values": wholes(found)}
        return desk.page("export_row.html", context, session=session)

    def refused(session: Session, context: dict[str, Any], error: ApiError) -> Response:
        context["refused"] = STATES.get(error.key, ("Not now", error.message))
        return shown(session, context, error.status)

    def shown(session: Session, context: dict[str, Any], status: int) -> Response:
        return desk.page("export_rows.html", context, session=session, status=status)

    def about(export: Document, pairs: Pairs) -> dict[str, Any]:
        """What is there whether its rows can be read or not."""
        given, first = dict(pairs), without(pairs, CURSOR)
        now = exports.clock()
        return of_export(export, now) | {
            "row": Row(export, now, export_page(export["id"])),
            "back_href": address(export["id"], pairs),
            "action": browse_page(export["id"]),
            "plain_href": address(export["id"], without(first, Q)),
            "q": given.get(Q, ""),
            "sort": given.get(SORT, ""),
            "problems": {},
            "refused": None,
            "total": None,
            "heads": [],
            "lines": [],
            "searched": None,
            "first_href": None,
            "next_href": None,
        }

    return router


def _number(text: str) -> int:
    """A row's number; 0, which no row has, where it is none."""
    is_one = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) if is_one else 0
