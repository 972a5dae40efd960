"""Why an export's rows cannot be shown, and what to do about it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from query.api.errors import RETRY_AFTER_SECONDS, ApiError

Export = Mapping[str, Any]

_SOON = {"retry-after": str(RETRY_AFTER_SECONDS)}


def recorded(export: Export) -> ApiError:
    return _of(
        export,
        HTTPStatus.CONFLICT,
        "export_not_browsable",
        "was made by another service of the platform. Browsing reads the files that "
        "Daybook wrote itself: download this one.",
    )


def failed(export: Export) -> ApiError:
    return _of(
        export,
        HTTPStatus.CONFLICT,
        "export_not_browsable",
        "failed, so it has no rows to browse. Run it again.",
    )


def not_ready(export: Export) -> ApiError:
    return _of(
        export,
        HTTPStatus.CONFLICT,
        "export_not_ready",
        "is not done yet. Wait until its status is DONE: `GET /v1/exports/{id}` has "
        "its progress.",
    )


def expired(export: Export) -> ApiError:
    return _of(
        export,
        HTTPStatus.GONE,
        "export_expired",
        "is older than 90 days, and its files are removed. Run it again.",
    )


def files_missing(export: Export) -> ApiError:
    return _of(
        export,
        HTTPStatus.GONE,
        "export_files_missing",
        "has files that are not in the object storage as they were stored. Run it "
        "again, and ask the operators: somebody else removed or changed them.",
    )


def no_such_row(export: Export, number: int, rows: int) -> ApiError:
    return _of(
        export,
        HTTPStatus.NOT_FOUND,
        "export_row_not_found",
        f"has no row {number}: it has {rows}, and the first is 1.",
    )


def too_large(export: Export) -> ApiError:
    return _of(
        export,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "export_rows_too_large",
        "has rows that are too large to be shown like this. Ask for fewer, sort by "
        "another column, or download it.",
    )


def too_slow(export: Export) -> ApiError:
    return _of(
        export,
        HTTPStatus.SERVICE_UNAVAILABLE,
        "browsing_too_slow",
        "could not be read in time. Its files may still be on their way here: try "
        "again in some seconds.",
        headers=_SOON,
    )


def busy() -> ApiError:
    return ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "browsing_busy",
        "As many exports are being browsed as this process reads at once. Try again in "
        "some seconds.",
        headers=_SOON,
    )


def storage_away() -> ApiError:
    return ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "storage_unavailable",
        "The object storage does not answer at the moment. Try again in some seconds.",
        headers=_SOON,
    )


def _of(
    export: Export,
    status: HTTPStatus,
    key: str,
    what: str,
    headers: dict[str, str] | None = None,
) -> ApiError:
    return ApiError(
        status,
        key,
        f"The export {export['id']} {what}",
        resource=("export", export["id"]),
        headers=headers,
    )
