"""``/v1/logs``: lists and single logs of the key's project."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from query.api.answers import json_answer, list_answer, readable
from query.api.errors import ApiError
from query.api.models import Error, Log, LogPage
from query.api.parameters import LOG_LIST, split_paging
from query.auth import Authenticator
from query.lists import Lists
from query.logs.filters import LOG_FILTERS, default_window
from query.logs.repository import Logs
from query.logs.shapes import log_shape

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Error, "description": "A parameter cannot be read."},
    401: {"model": Error, "description": "No valid key."},
    404: {"model": Error, "description": "No such log in the key's project."},
    503: {"model": Error, "description": "The database is away: try again."},
}


def logs_router(logs: Logs, lists: Lists, authenticator: Authenticator) -> APIRouter:
    """The routes, reading through what they are given."""
    router = APIRouter(tags=["Logs"])

    @router.get(
        "/v1/logs",
        summary="List logs",
        response_model=LogPage,
        responses={code: _ERRORS[code] for code in (400, 401, 503)},
        openapi_extra={"parameters": LOG_LIST},
    )
    async def list_logs(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        """The newest logs first, of the last 24 hours unless a time is asked for.

        Values of one filter are OR, filters are AND. A list whose filter matches rarely
        answers after two seconds with what it found and with searched_until; its
        next_cursor goes on from there.
        """
        caller = await authenticator.by_headers(request.headers)
        with readable(LOG_FILTERS.names):
            pairs, paging = split_paging(request.query_params.multi_items())
            filters = LOG_FILTERS.read(pairs)
            page = await lists.page(
                caller.project_id,
                filters,
                cursor_text=paging.cursor,
                limit=paging.limit,
                default_window=default_window(filters),
            )
        logs = [log_shape(log, whole=False) for log in page.rows]
        return list_answer("logs", logs, page)

    @router.get(
        "/v1/logs/{log_id:id}",
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
        return json_answer(log_shape(document, whole=True))

    return router
