"""Export what a list shows: the form with its estimate first, then the export."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from daybook.exports.parameters import InvalidParameters, Parameters, read_parameters
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from query.api.errors import ApiError, request_id_of
from query.exports.making import WEBSITE
from query.exports.parts import ExportParts
from query.filters import InvalidFilters
from query.pages.desk import Desk
from query.pages.export_forms import (
    LONGEST,
    ORIGINS,
    Origin,
    blank,
    body_of,
    carried_over,
    filters_in,
    inputs,
    kinds,
)
from query.pages.export_views import ONCE, SAID
from query.pages.export_words import filter_chips, filters_sentence, object_word
from query.pages.exports import MADE
from query.pages.forms import Pairs
from query.pages.links import export_page, new_export
from query.pages.listing import given_pairs
from query.pages.posts import Fields, posted, see
from query.sessions import Session

_PATH = "/new-export/{exported_object}"


def exporting_pages(desk: Desk, exports: ExportParts) -> APIRouter:
    """The page's routes."""
    router = APIRouter(include_in_schema=False)

    @router.get(_PATH)
    async def ask(request: Request, exported_object: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        origin = _origin(exported_object)
        session = await desk.session(request)
        if session is None:
            return desk.to_sign_in(request, origin.sheet.path)
        pairs = given_pairs(request)
        try:
            carried = carried_over(origin, pairs, exports.clock())
        except InvalidFilters:
            # The list says what is wrong with which.
            return see(origin.sheet.address(pairs))
        fields = blank(origin, carried.filters)
        return await form(session, origin, fields, pairs, notes=carried.notes)

    @router.post(_PATH)
    async def make(request: Request, exported_object: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        origin = _origin(exported_object)

        async def deed(session: Session, fields: Fields) -> Response:
            try:
                parameters = read_parameters(body_of(origin, fields))
            except InvalidParameters as error:
                pairs = given_pairs(request)
                return await form(session, origin, fields, pairs, problem=error)
            made = await exports.making.make(
                session.caller.project_id,
                parameters,
                channel=WEBSITE,
                user_id=session.caller.key_id,
                request_id=request_id_of(request),
                once=fields.get(ONCE),
            )
            return see(f"{export_page(made['id'])}?{SAID}={MADE}")

        back = origin.sheet.path
        return await posted(desk, request, back=back, deed=deed, longest=LONGEST)

    async def form(
        session: Session,
        origin: Origin,
        fields: Fields,
        pairs: Pairs,
        *,
        notes: Sequence[str] = (),
        problem: InvalidParameters | None = None,
    ) -> Response:
        selected, refused = _selected(origin, fields)
        problem = problem or refused
        context: dict[str, Any] = inputs(origin, fields) | {
            "what": object_word(origin.name).lower(),
            "action": new_export(origin.name, pairs),
            "back_href": origin.sheet.address(pairs),
            "kinds": kinds(origin, pairs),
            "notes": notes,
            "problems": [] if problem is None else list(problem.problems.items()),
            "chips": [],
            "sentence": None,
            "estimate": None,
            "once": exports.making.once(),
        }
        if selected is not None:
            filters = selected.filters
            context["chips"] = filter_chips(filters)
            context["sentence"] = filters_sentence(filters, context["what"])
            context["estimate"] = await exports.estimates.of(
                session.caller.project_id, selected
            )
        status = HTTPStatus.OK if problem is None else HTTPStatus.BAD_REQUEST
        return desk.page("export_new.html", context, session=session, status=status)

    return router


def _origin(exported_object: str) -> Origin:
    if exported_object not in ORIGINS:
        raise ApiError(
            HTTPStatus.NOT_FOUND,
            "not_found",
            "There is no list of that name to export: begin at a list, with Export.",
        )
    return ORIGINS[exported_object]


def _selected(
    origin: Origin, fields: Fields
) -> tuple[Parameters | None, InvalidParameters | None]:
    """What the filters alone select, or why they select nothing."""
    try:
        given = {"filters": filters_in(fields)}
        body = {"exported_object": origin.name, "parameters": given}
        return read_parameters(body), None
    except InvalidParameters as error:
        return None, error
