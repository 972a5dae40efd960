"""The list's half of a page: its rows, where it goes on, what cannot be read."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.requests import Request

from query.cursors import InvalidCursor
from query.filters import InvalidFilters
from query.lists import Listed
from query.pages.forms import CURSOR, Form, Pairs, Sheet, without
from query.shapes import ms_text

PAGE_LIMIT = 50


def given_pairs(request: Request) -> Pairs:
    """The query string; a form sends its empty fields too, which say nothing."""
    return [pair for pair in request.query_params.multi_items() if pair[1]]


def problems_of(error: InvalidFilters | InvalidCursor) -> Mapping[str, str]:
    """What is wrong with which parameter."""
    if isinstance(error, InvalidCursor):
        return {CURSOR: str(error)}
    return error.problems


def list_context(
    sheet: Sheet,
    pairs: Pairs,
    form: Form,
    problems: Mapping[str, str],
    page: Listed | None,
    row: Callable[[Any], Any],
) -> dict[str, Any]:
    """What ``listing.html`` shows; ``row`` makes a row of a document."""
    first = without(pairs, *sheet.dropped)
    older = page.next_cursor if page else None
    rows: Sequence[Any] = [row(document) for document in (page.rows if page else ())]
    return {
        "form": form,
        "invalid": bool(problems),
        "rows": rows,
        "list_path": sheet.path,
        "newest_href": sheet.address(first) if CURSOR in dict(pairs) else None,
        "older_href": sheet.address([*first, (CURSOR, older)]) if older else None,
        "searched_until": ms_text(page.searched_until) if page else None,
        "from_text": ms_text(page.window.after) if page else None,
        "until_text": ms_text(page.window.before) if page else None,
        "filtered": any(name not in sheet.own for name, _ in pairs),
        "whole_history": page is not None and page.window.after is None,
        "detail": None,
        "missing": None,
        "refresh_href": None,
        "export_href": None,
    }


def status_of(problems: Mapping[str, str]) -> HTTPStatus:
    return HTTPStatus.BAD_REQUEST if problems else HTTPStatus.OK
