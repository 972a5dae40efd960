"""``/v1/logs``: lists and single logs of the key's project."""

from http import HTTPStatus
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from query.api.errors import ApiError
from query.api.models import Error, Log, LogPage
from query.api.parameters import LIST_PARAMETERS
from query.auth import Authenticator
from query.cursors import InvalidCursor
from query.filters import FILTERS, InvalidFilters, read_filters
from query.lists import LogLists
from query.repository import Logs
from query.shapes import log_shape, ms_text

DEFAULT_LIMIT = 25
HIGHEST_LIMIT = 100

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Error, "description": "A parameter cannot be read."},
    401: {"model": Error, "description": "No valid key."},
    404: {"model": Error, "description": "No such log in the key's project."},
    503: {"model": Error, "description": "The database is away: try again."},
}


def logs_router(logs: Logs, lists: LogLists, authenticator: Authenticator) -> APIRouter:
    """The routes, reading through what they are given."""
    router = APIRouter(tags=["Logs"])

    @router.get(
        "/v1/logs",
        summary="List logs",
        response_model=LogPage,
        responses={code: _ERRORS[code] for code in (400, 401, 503)},
        openapi_extra={"parameters": LIST_PARAMETERS},
    )
    async def list_logs(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        """The newest logs first, of the last 24 hours unless a time is asked for.

        Values of one filter are OR, filters are AND. A list whose filter matches rarely
        answers after two seconds with what it found and with searched_until; its
        next_cursor goes on from there.
        """
        caller = await authenticator.by_headers(request.headers)
        try:
            pairs, limit, cursor = split_paging(request.query_params.multi_items())
            filters = read_filters(pairs)
            page = await lists.page(
                caller.project_id,
                filters,
                cursor_text=cursor,
                limit=limit,
                default_window=filters.default_window(),
            )
        except InvalidFilters as error:
            raise invalid_parameters(error) from error
        except InvalidCursor as error:
            raise ApiError(
                HTTPStatus.BAD_REQUEST, "invalid_cursor", str(error)
            ) from error
        return _json(
            {
                "object": "list",
                "data_ref": "logs",
                "logs": [log_shape(log, whole=False) for log in page.logs],
                "has_more": page.next_cursor is not None,
                "next_cursor": page.next_cursor,
                "searched_until": ms_text(page.searched_until),
            }
        )

    @router.get(
        "/v1/logs/{log_id:path}",
        summary="Get a log",
        response_model=Log,
        responses={code: _ERRORS[code] for code in (401, 404, 503)},
    )
    async def get_log(request: Request, log_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """One log, with headers and bodies."""
        caller = await authenticator.by_headers(request.headers)
        document = await logs.get(caller.project_id, log_id)
        if document is None:
            raise ApiError(
                HTTPStatus.NOT_FOUND,
                "log_not_found",
                f"There is no log {log_id} in this project. It may have expired, or "
                "not arrived yet: `GET /v1/logs` lists what is there.",
                resource=("log", log_id),
            )
        return _json(log_shape(document, whole=True))

    return router


def split_paging(
    items: list[tuple[str, str]],
) -> tuple[list[tuple[str, str]], int, str | None]:
    """The filters, the limit and the cursor of a query string."""
    filters = [
        (name, value) for name, value in items if name not in ("limit", "cursor")
    ]
    paging = {name: value for name, value in items if name in ("limit", "cursor")}
    limit = paging.get("limit", str(DEFAULT_LIMIT))
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 3):
        raise InvalidFilters({"limit": f"use a number from 1 to {HIGHEST_LIMIT}"})
    if not 1 <= int(limit) <= HIGHEST_LIMIT:
        raise InvalidFilters({"limit": f"use a number from 1 to {HIGHEST_LIMIT}"})
    return filters, int(limit), paging.get("cursor")


def invalid_parameters(error: InvalidFilters) -> ApiError:
    """What is wrong with each parameter, and which ones there are."""
    message = "; ".join(f"{name} {what}" for name, what in error.problems.items())
    return ApiError(
        HTTPStatus.BAD_REQUEST,
        "invalid_query_params",
        f"The query cannot be read: {message}.",
        details=f"Parameters: {', '.join((*FILTERS, 'limit', 'cursor'))}.",
    )


def _json(shape: object) -> Response:
    return Response(orjson.dumps(shape), media_type="application/json")
