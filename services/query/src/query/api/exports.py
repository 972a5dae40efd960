"""``/v1/exports``: filtered lists as files, as Voucherify's clients ask for them."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, cast

from daybook.exports.parameters import InvalidParameters, read_parameters
from daybook.runtime.clock import Clock
from daybook.runtime.mongo import Document
from daybook.runtime.objects import Objects
from daybook.storage.exports import EXPORT_STATUSES, new_export
from daybook.storage.times import from_ms, to_ms
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from query.api.answers import json_answer
from query.api.bodies import read_json
from query.api.errors import ApiError, request_id_of
from query.api.models import Error
from query.api.parameters import parameter
from query.api.webhook_actions import unfinished
from query.api.webhook_models import Command
from query.auth import Authenticator, Unauthorized
from query.exports.downloads import download
from query.exports.links import EXPIRES, TOKEN, Links
from query.exports.repository import FURTHEST_ROW, ORDERS, Exports
from query.exports.shapes import LIST, export_shape
from query.webhooks.commands import Commands

CHANNEL = "API"
DEFAULT_LIMIT, HIGHEST = 10, 100
_FILTERS = ("status", "exported_object", "channel", "user_id")
_KNOWN = ("limit", "page", "order", *_FILTERS)
_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Error, "description": "The request cannot be read."},
    401: {"model": Error, "description": "No valid key, or no valid link."},
    404: {"model": Error, "description": "No such export in the key's project."},
    409: {"model": Error, "description": "There is no file yet."},
    410: {"model": Error, "description": "The file has been removed."},
    503: {"model": Error, "description": "Database or storage is away: try again."},
}
_WHOLE = {"type": "integer", "minimum": 1, "maximum": HIGHEST}
_LIST_PARAMETERS = [
    parameter("limit", {**_WHOLE, "default": DEFAULT_LIMIT}, "Exports of a page."),
    parameter("page", {**_WHOLE, "default": 1}, "The page's number."),
    parameter("order", {"type": "string", "enum": list(ORDERS)}, "By what."),
    *(parameter(name, {"type": "string"}, "Only those.") for name in _FILTERS),
]


def exports_router(
    exports: Exports,
    links: Links,
    objects: Objects,
    authenticator: Authenticator,
    commands: Commands,
    *,
    clock: Clock,
    make_id: Callable[[], str],
    public_url: str | None,
) -> APIRouter:
    """The routes, over what they are given."""
    router = APIRouter(tags=["Exports"])

    def shape(request: Request, export: Document) -> dict[str, Any]:
        base = public_url or str(request.base_url)
        return export_shape(export, lambda one: links.of(one, base), clock())

    @router.post(
        "/v1/exports",
        summary="Export a list as a file",
        responses={code: _ERRORS[code] for code in (400, 401, 503)},
    )
    async def create(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Store an export, which is run as soon as there is room.

        What was received before now is what it holds. Every query process finds it
        once this is answered.
        """
        caller = await authenticator.by_headers(request.headers)
        body = await read_json(request)
        if not isinstance(body, Mapping):
            raise _invalid("use an object")
        try:
            parameters = read_parameters(cast("Mapping[str, object]", body))
        except InvalidParameters as error:
            raise _unusable(error) from error
        export = new_export(
            caller.project_id,
            f"exp_{make_id().replace('-', '')}",
            parameters,
            CHANNEL,
            None,
            from_ms(to_ms(clock())),
            request_id_of(request),
        )
        await exports.add(export)
        return json_answer(shape(request, export))

    @router.get(
        "/v1/exports",
        summary="List exports",
        responses={code: _ERRORS[code] for code in (400, 401, 503)},
        openapi_extra={"parameters": _LIST_PARAMETERS},
    )
    async def list_exports(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        """The project's exports, the newest first where nothing else is asked for."""
        caller = await authenticator.by_headers(request.headers)
        asked = dict(request.query_params)
        order, page, limit = _asked(asked)
        found = await exports.page(
            caller.project_id,
            {name: asked[name] for name in _FILTERS if asked.get(name)},
            order=order,
            page=page,
            limit=limit,
        )
        return json_answer(
            {
                "object": "list",
                "data_ref": LIST,
                LIST: [shape(request, one) for one in found.exports],
                "total": found.total,
                "has_more": page * limit < found.total,
            }
        )

    @router.get(
        "/v1/exports/{export_id}",
        summary="Get an export, or with a token its file",
        responses={code: _ERRORS[code] for code in (401, 404, 409, 410, 503)},
        openapi_extra={
            "parameters": [
                parameter(TOKEN, {"type": "string"}, "Of `result.url`: the file."),
                parameter(EXPIRES, {"type": "integer"}, "Of `result.url`."),
            ]
        },
    )
    async def get_export(request: Request, export_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """The export; its file where the query has the token of `result.url`."""
        token = request.query_params.get(TOKEN)
        if token is None:
            caller = await authenticator.by_headers(request.headers)
            found = await exports.find(caller.project_id, export_id)
            return json_answer(shape(request, found))
        project_id = links.project_of(token, export_id)
        if project_id is None:
            raise Unauthorized
        export = await exports.find(project_id, export_id)
        shown = shape(request, export)
        if export["status"] != "DONE":
            raise ApiError(
                HTTPStatus.CONFLICT,
                "export_not_ready",
                "The export has no file yet. Ask again once its status is DONE.",
            )
        if shown["result"] is None:
            raise ApiError(HTTPStatus.GONE, "export_expired", shown["error"]["message"])
        return await download(export, objects)

    @router.post(
        "/v1/exports/{export_id}/cancel",
        summary="Cancel an export",
        responses={
            202: {"model": Command, "description": "It will be: ask for the command."},
            **{code: _ERRORS[code] for code in (401, 404, 503)},
        },
    )
    async def cancel(request: Request, export_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Stop an export, which is ERROR then; one that has ended stays as it is."""
        caller = await authenticator.by_headers(request.headers)
        await exports.find(caller.project_id, export_id)
        command = await commands.give(
            caller.project_id, "export.cancel", {"export_id": export_id}
        )
        if (pending := unfinished(command)) is not None:
            return pending
        found = await exports.find(caller.project_id, export_id)
        return json_answer(shape(request, found))

    @router.delete(
        "/v1/exports/{export_id}",
        summary="Delete an export",
        status_code=HTTPStatus.NO_CONTENT,
        responses={code: _ERRORS[code] for code in (401, 404, 503)},
    )
    async def delete(request: Request, export_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Remove an export and its file; nobody finds it from now on."""
        caller = await authenticator.by_headers(request.headers)
        await exports.find(caller.project_id, export_id)
        await commands.give(
            caller.project_id, "export.delete", {"export_id": export_id}
        )
        return Response(status_code=HTTPStatus.NO_CONTENT)

    return router


def _asked(asked: Mapping[str, str]) -> tuple[str, int, int]:
    unknown = [name for name in asked if name not in _KNOWN]
    if unknown:
        raise _invalid_query(f"{unknown[0][:80]} is unknown")
    order = asked.get("order") or "-created_at"
    if order not in ORDERS:
        raise _invalid_query(f"order: use {', '.join(ORDERS)}")
    if asked.get("status") and asked["status"] not in EXPORT_STATUSES:
        raise _invalid_query(f"status: use {', '.join(EXPORT_STATUSES)}")
    numbers: list[int] = []
    for name, default in (("page", 1), ("limit", DEFAULT_LIMIT)):
        text = asked.get(name) or str(default)
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= HIGHEST):
            raise _invalid_query(f"{name}: use a number from 1 to {HIGHEST}")
        numbers.append(int(text))
    page, limit = numbers
    if page * limit > FURTHEST_ROW:
        raise _invalid_query(f"page: there are {FURTHEST_ROW} rows by number at most")
    return order, page, limit


def _invalid_query(said: str) -> ApiError:
    return ApiError(
        HTTPStatus.BAD_REQUEST,
        "invalid_query_params",
        f"The query cannot be read: {said}.",
        details=f"Parameters: {', '.join(_KNOWN)}.",
    )


def _invalid(said: str) -> ApiError:
    return ApiError(
        HTTPStatus.BAD_REQUEST, "invalid_payload", f"The body cannot be used: {said}."
    )


def _unusable(error: InvalidParameters) -> ApiError:
    if error.fields_allowed is None:
        return _invalid(str(error))
    return ApiError(
        HTTPStatus.BAD_REQUEST,
        "invalid_export_fields",
        f"The body cannot be used: {error}.",
        details=f"Fields: {', '.join(error.fields_allowed)}.",
    )
