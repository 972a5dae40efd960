"""The error object: every error of the API has this shape and says what to do."""

from http import HTTPStatus
from typing import Any

import orjson
from pymongo.errors import PyMongoError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from query.auth import HOW_TO_AUTHENTICATE

RETRY_AFTER_SECONDS = 5


class ApiError(Exception):
    """An answer that is an error; what it holds is what the client sees."""

    def __init__(
        self,
        status: HTTPStatus,
        key: str,
        message: str,
        *,
        details: str | None = None,
        resource: tuple[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.key = key
        self.message = message
        self.details = details
        self.resource_type, self.resource_id = resource or (None, None)
        self.headers = headers or {}

    def response(self, request_id: str) -> Response:
        """The error object as an answer."""
        shape: dict[str, Any] = {
            "code": int(self.status),
            "message": self.message,
            "key": self.key,
            "details": self.details,
            "request_id": request_id,
            "resource_id": self.resource_id,
            "resource_type": self.resource_type,
        }
        return Response(
            orjson.dumps(shape),
            status_code=self.status,
            media_type="application/json",
            headers=self.headers,
        )


def request_id_of(request: Request) -> str:
    """The id that the edge gave the request."""
    return request.state.request_id


def unauthorized() -> ApiError:
    return ApiError(
        HTTPStatus.UNAUTHORIZED,
        "unauthorized",
        "No valid API key came with the request.",
        details=HOW_TO_AUTHENTICATE,
        headers={"www-authenticate": 'Bearer realm="daybook"'},
    )


def unavailable(error: PyMongoError | TimeoutError) -> ApiError:
    """The database is away or too slow; the client need only wait."""
    return ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "database_unavailable",
        "The database does not answer at the moment. Nothing is lost: try again in "
        "some seconds.",
        details=type(error).__name__,
        headers={"retry-after": str(RETRY_AFTER_SECONDS)},
    )


def unexpected(request_id: str) -> Response:
    """The answer to what nobody foresaw."""
    error = ApiError(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal_error",
        "Something went wrong here, not with your request. Try again; if it stays, "
        "give the operators the request id: their log names the reason beside it.",
    )
    return error.response(request_id)


def from_http(request: Request, error: HTTPException) -> ApiError:
    """What the framework refuses, in our words."""
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.NOT_FOUND:
        return ApiError(
            HTTPStatus.NOT_FOUND,
            "not_found",
            f"There is nothing at {request.url.path}. /docs lists what there is.",
            headers=headers,
        )
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = headers.get("Allow", headers.get("allow", "another method"))
        return ApiError(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "method_not_allowed",
            f"{request.method} is not possible here; use {allowed}.",
            headers=headers,
        )
    status = HTTPStatus(error.status_code)
    key = status.phrase.lower().replace(" ", "_")
    return ApiError(status, key, str(error.detail), headers=headers)
