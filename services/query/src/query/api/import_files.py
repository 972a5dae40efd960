"""``/v1/import-files``: files for the platform's tasks, uploaded and downloaded."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from query.api.answers import json_answer, list_shape, readable
from query.api.errors import ApiError
from query.api.models import Error
from query.api.parameters import paging_parameters, parameter, split_paging
from query.auth import Authenticator, Unauthorized
from query.filters import InvalidFilters
from query.import_files.downloads import download
from query.import_files.intake import Body, Intake
from query.import_files.library import Library
from query.import_files.lists import page_of
from query.import_files.shapes import (
    LIST,
    ImportFileModel,
    ImportFilePage,
    import_file_shape,
)

_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Error, "description": "The request cannot be read."},
    401: {"model": Error, "description": "No valid key."},
    404: {"model": Error, "description": "No such import file in the key's project."},
    408: {"model": Error, "description": "The upload stopped midway."},
    413: {"model": Error, "description": "The file is larger than the limit."},
    415: {"model": Error, "description": "The body is compressed."},
    503: {"model": Error, "description": "Database or storage is away: try again."},
}
_BYTES = {"schema": {"type": "string", "format": "binary"}}
_FORM = {
    "schema": {
        "type": "object",
        "required": ["file"],
        "properties": {"file": {"type": "string", "format": "binary"}},
    }
}
_UPLOAD: dict[str, Any] = {
    "parameters": [
        parameter(
            "name",
            {"type": "string"},
            "The file's name; else a form's or Content-Disposition's filename.",
        )
    ],
    "requestBody": {
        "required": True,
        "description": "The file itself, or a form with it.",
        "content": {"text/csv": _BYTES, "*/*": _BYTES, "multipart/form-data": _FORM},
    },
}


def import_files_router(library: Library, authenticator: Authenticator) -> APIRouter:
    """The routes, over what they are given."""
    router = APIRouter(tags=["Import files"])

    @router.post(
        "/v1/import-files",
        summary="Upload an import file",
        status_code=HTTPStatus.CREATED,
        response_model=ImportFileModel,
        responses={code: _ERRORS[code] for code in (400, 401, 408, 413, 415, 503)},
        openapi_extra=_UPLOAD,
    )
    async def upload(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Store a file, sent as the body or as the one file of a form.

        Name its id as import_file_id in the events of the request and the task that
        work through it. It is kept once this is answered; an upload that is refused or
        breaks off leaves nothing.
        """
        async with _refusals_drained(request) as body:
            caller = await authenticator.by_headers(request.headers)
            name = _name(request)
            _refuse_compressed(request)
            intake = Intake(body)
            declared = request.headers.get("content-length", "")
            if declared.isdecimal():
                library.refuse_declared(int(declared), intake)
            file = await library.keep(caller.project_id, intake, name=name)
        answer = json_answer(import_file_shape(file))
        answer.status_code = HTTPStatus.CREATED
        return answer

    @router.get(
        "/v1/import-files",
        summary="List import files",
        response_model=ImportFilePage,
        responses={code: _ERRORS[code] for code in (400, 401, 503)},
        openapi_extra={"parameters": paging_parameters()},
    )
    async def list_files(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        """The project's import files, newest first."""
        caller = await authenticator.by_headers(request.headers)
        with readable(()):
            unknown, paging = split_paging(request.query_params.multi_items())
            _refuse_unknown(unknown)
            page = await page_of(
                library.files,
                caller.project_id,
                cursor_text=paging.cursor,
                limit=paging.limit,
            )
        rows = [import_file_shape(file) for file in page.files]
        return json_answer(list_shape(LIST, rows, page.next_cursor))

    @router.get(
        "/v1/import-files/{file_id}",
        summary="Get an import file",
        response_model=ImportFileModel,
        responses={code: _ERRORS[code] for code in (401, 404, 503)},
    )
    async def get_file(request: Request, file_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """What is known of one file; its content has an address of its own."""
        caller = await authenticator.by_headers(request.headers)
        return json_answer(
            import_file_shape(await library.find(caller.project_id, file_id))
        )

    @router.get(
        "/v1/import-files/{file_id}/content",
        summary="Download an import file",
        response_class=StreamingResponse,
        responses={
            200: {
                "description": "The file, byte for byte, as an attachment.",
                "content": {"application/octet-stream": _BYTES},
            },
            **{code: _ERRORS[code] for code in (401, 404, 503)},
        },
    )
    async def get_content(request: Request, file_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """The file as it was uploaded, with its content type and its name."""
        caller = await authenticator.by_headers(request.headers)
        return download(await library.open(caller.project_id, file_id))

    return router


@asynccontextmanager
async def _refusals_drained(request: Request) -> AsyncGenerator[Body]:
    """The request's body; when it is refused, it is read on so that this is heard."""
    body = Body(request)
    try:
        yield body
    except (ApiError, Unauthorized):
        await body.drain()
        raise


def _name(request: Request) -> str | None:
    given = request.query_params
    if not {"name"}.issuperset(given):
        raise ApiError(
            HTTPStatus.BAD_REQUEST,
            "invalid_query_params",
            f"The query cannot be read: {', '.join(given)}. Give name, or nothing.",
            details="Parameters: name.",
        )
    return given.get("name")


def _refuse_unknown(pairs: list[tuple[str, str]]) -> None:
    if pairs:
        raise InvalidFilters({name: "is unknown" for name, _ in pairs})


def _refuse_compressed(request: Request) -> None:
    # Kept as it is, it would come back under a name and a type that it is not.
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ApiError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported_content_encoding",
            "The body is compressed. Send the file as it is, without Content-Encoding.",
        )
