"""``/v1/exports``: filtered lists as files, as Voucherify's clients ask for them."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, cast

from daybook.exports.filters import MOST_BYTES
from daybook.exports.parameters import InvalidParameters, read_parameters
from daybook.runtime.mongo import Document
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from query.api.answers import json_answer, list_shape, readable
from query.api.bodies import body_of, read_json
from query.api.errors import request_id_of
from query.api.export_errors import (
    ERRORS,
    expired,
    exportable,
    invalid_link,
    no_file_yet,
)
from query.api.export_models import Export, ExportDraft, ExportEstimate, ExportPage
from query.api.export_parameters import EXPORT_LIST, LINK, NAMES, read_query
from query.api.webhook_actions import ACCEPTED, unfinished
from query.auth import Authenticator
from query.exports.downloads import download
from query.exports.links import EXPIRES, TOKEN
from query.exports.lists import LIST
from query.exports.making import API
from query.exports.parts import ExportParts
from query.exports.shapes import estimate_shape, export_shape
from query.shapes import Json

DRY_RUN: Final = "dry_run"
# Filters at their largest, and room for how they may be written.
_LARGEST_BODY: Final = 2 * MOST_BYTES


def exports_router(exports: ExportParts, authenticator: Authenticator) -> APIRouter:
    """The routes, over what they are given."""
    router = APIRouter(tags=["Exports"])

    def shape(request: Request, export: Document) -> Json:
        base = exports.public_url or str(request.base_url)
        return export_shape(
            export, lambda one: exports.links.of(one, base), exports.clock()
        )

    @router.post(
        "/v1/exports",
        summary="Export a list as a file",
        response_model=Export | ExportEstimate,
        responses={code: ERRORS[code] for code in (400, 401, 413, 503)},
        openapi_extra=body_of(ExportDraft),
    )
    async def create(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Store an export, which is run as soon as there is room.

        What was received before now is what it holds. Every query process finds it
        once this is answered. With dry_run, the rows are counted and nothing is made.
        """
        caller = await authenticator.by_headers(request.headers)
        body = await read_json(request, _LARGEST_BODY)
        with exportable():
            given, dry_run = _read(body)
            parameters = read_parameters(given)
        if dry_run:
            estimate = await exports.estimates.of(caller.project_id, parameters)
            return json_answer(estimate_shape(estimate))
        made = await exports.making.make(
            caller.project_id,
            parameters,
            channel=API,
            user_id=None,
            request_id=request_id_of(request),
        )
        return json_answer(shape(request, made))

    @router.get(
        "/v1/exports",
        summary="List exports",
        response_model=ExportPage,
        responses={code: ERRORS[code] for code in (400, 401, 503)},
        openapi_extra={"parameters": EXPORT_LIST},
    )
    async def list_exports(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        """The project's exports of all time, newest first unless asked otherwise.

        page leads to the first 10,000 of them, cursor to all. By status, those of one
        status are newest first.
        """
        caller = await authenticator.by_headers(request.headers)
        with readable(NAMES):
            asked = read_query(request.query_params.multi_items())
            page = await exports.lists.page(
                caller.project_id,
                asked.filters,
                asked.order,
                limit=asked.limit,
                number=asked.page,
                cursor_text=asked.cursor,
            )
        rows = [shape(request, one) for one in page.rows]
        return json_answer(
            list_shape(LIST, rows, page.next_cursor) | {"total": page.total}
        )

    async def get_export(request: Request, export_id: str) -> Response:
        """The export; its file where the query has the token of `result.url`.

        A file is answered without a key, and by range where one is asked for.
        """
        token = request.query_params.get(TOKEN)
        if token is not None:
            return await file(request, export_id, token)
        caller = await authenticator.by_headers(request.headers)
        found = await exports.stored.find(caller.project_id, export_id)
        return json_answer(shape(request, found))

    async def file(request: Request, export_id: str, token: str) -> Response:
        expires = request.query_params.get(EXPIRES)
        project_id = exports.links.project_of(token, expires, export_id)
        if project_id is None:
            raise invalid_link()
        export = await exports.stored.find(project_id, export_id)
        if export["status"] != "DONE":
            raise no_file_yet(export_id, export["status"])
        shown = shape(request, export)
        if shown["result"] is None:
            raise expired(export_id, shown["error"]["message"])
        return await download(
            export, exports.objects, request.headers, body=request.method != "HEAD"
        )

    router.add_api_route(
        "/v1/exports/{export_id}",
        get_export,
        methods=["GET"],
        summary="Get an export, or with a token its file",
        response_model=Export,
        responses={code: ERRORS[code] for code in (401, 404, 409, 410, 416, 503)},
        openapi_extra={"parameters": LINK},
    )
    router.add_api_route(
        "/v1/exports/{export_id}",
        get_export,
        methods=["HEAD"],
        include_in_schema=False,
    )

    @router.post(
        "/v1/exports/{export_id}/cancel",
        summary="Cancel an export",
        response_model=Export,
        responses={202: ACCEPTED, **{code: ERRORS[code] for code in (401, 404, 503)}},
    )
    async def cancel(request: Request, export_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Stop an export, which is ERROR then; one that has ended stays as it is."""
        caller = await authenticator.by_headers(request.headers)
        command = await exports.asking.cancel(caller.project_id, export_id)
        if command is not None and (pending := unfinished(command)) is not None:
            return pending
        found = await exports.stored.find(caller.project_id, export_id)
        return json_answer(shape(request, found))

    @router.delete(
        "/v1/exports/{export_id}",
        summary="Delete an export",
        status_code=HTTPStatus.NO_CONTENT,
        response_class=Response,
        responses={code: ERRORS[code] for code in (401, 404, 503)},
    )
    async def delete(request: Request, export_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Remove an export and its file; nobody finds it from now on."""
        caller = await authenticator.by_headers(request.headers)
        await exports.asking.delete(caller.project_id, export_id)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    return router


def _read(body: object) -> tuple[Mapping[str, object], bool]:
    """What to export, and whether only to count; raises InvalidParameters."""
    if not isinstance(body, Mapping):
        raise InvalidParameters({"body": "use an object with exported_object"})
    given: dict[str, Any] = dict(cast("Mapping[str, Any]", body))
    dry_run = given.pop(DRY_RUN, None)
    if not isinstance(dry_run, bool | None):
        raise InvalidParameters({DRY_RUN: "use true or false"})
    return given, dry_run is True
