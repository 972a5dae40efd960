"""What goes wrong with exports, as the API's errors."""

from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from daybook.exports.parameters import InvalidParameters

from query.api.errors import ApiError
from query.api.models import Error

# As the documentation has them, by status.
ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Error, "description": "A parameter or the body cannot be used."},
    401: {"model": Error, "description": "No valid key, or no valid link."},
    404: {"model": Error, "description": "No such export in the key's project."},
    409: {"model": Error, "description": "It cannot be done as things are."},
    410: {"model": Error, "description": "The file has been removed."},
    413: {"model": Error, "description": "The body is too large."},
    416: {"model": Error, "description": "The range begins behind the file's end."},
    503: {"model": Error, "description": "Database or storage is away: try again."},
}


@contextmanager
def exportable() -> Generator[None]:
    """What is wrong with parameters becomes a 400 that says what to do."""
    try:
        yield
    except InvalidParameters as error:
        allowed = error.fields_allowed
        raise ApiError(
            HTTPStatus.BAD_REQUEST,
            "invalid_payload" if allowed is None else "invalid_export_fields",
            f"The body cannot be used: {error}.",
            details=None if allowed is None else f"Fields: {', '.join(allowed)}.",
        ) from error


def invalid_link() -> ApiError:
    return ApiError(
        HTTPStatus.UNAUTHORIZED,
        "invalid_export_link",
        "The link has expired, or is not whole. Ask for the export again: its "
        "`result.url` is a new one.",
    )


def no_file_yet(export_id: str, status: str) -> ApiError:
    what = "It has failed" if status == "ERROR" else "Ask again once its status is DONE"
    return ApiError(
        HTTPStatus.CONFLICT,
        "export_not_ready",
        f"The export has no file: it is {status}. {what}.",
        resource=("export", export_id),
    )


def expired(export_id: str, said: str) -> ApiError:
    return ApiError(
        HTTPStatus.GONE,
        "export_expired",
        f"{said} Make the export anew.",
        resource=("export", export_id),
    )
