"""``/v1/exports/{id}/rows``: an export's rows, browsed without its file."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Literal, Protocol

import orjson
from daybook.runtime.mongo import Document
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from query.api.answers import json_answer, list_shape, readable
from query.api.errors import ApiError
from query.api.models import Error
from query.api.parameters import paging_parameters, parameter, split_paging
from query.auth import Authenticator
from query.connected import ClientGone, nobody_there, unless_gone
from query.exports.browsing.browser import Browser
from query.exports.browsing.slices import Cell, Column, Row, SingleRow, Slice
from query.filters import InvalidFilters
from query.shapes import Json

LIST = "rows"

_NAMES = ("q", "sort")
_PARAMETERS = [
    parameter(
        "q",
        {"type": "string"},
        "Text that a row has in any column as it is shown, whatever its case; no "
        "character of it has a meaning of its own.",
    ),
    parameter(
        "sort",
        {"type": "string"},
        "A column, or - and a column: by its values, null last; else as exported.",
    ),
    *paging_parameters(),
]
_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Error, "description": "The request cannot be read."},
    401: {"model": Error, "description": "No valid key."},
    404: {"model": Error, "description": "No such export in the key's project."},
    409: {"model": Error, "description": "Not done yet, or nothing to be browsed."},
    410: {"model": Error, "description": "Its files are removed: run it again."},
    422: {"model": Error, "description": "The rows are too large for one answer."},
    503: {"model": Error, "description": "Too much at once, or away: try again."},
}


class ColumnModel(BaseModel, title="ExportColumn"):
    """An exported field."""

    name: str
    type: Literal["text", "time", "integer", "number", "json"]


class RowPage(BaseModel, title="ExportRows"):
    """A page of an export's rows."""

    object: Literal["list"]
    data_ref: Literal["rows"]
    rows: list[dict[str, Any]] = Field(
        description="The exported columns by name, with the values as exported."
    )
    row_numbers: list[int] = Field(
        description="Of each row: where it is in the export, from 1."
    )
    truncated: list[list[str]] = Field(
        description=(
            "Of each row: the columns of which only the first 1,000 characters are "
            "here, JSON as text then. The row by its number has them whole."
        )
    )
    columns: list[ColumnModel]
    total_rows: int = Field(description="Of the export, whatever is searched.")
    has_more: bool
    next_cursor: str | None
    searched_rows: int | None = Field(
        description=(
            "How many rows were gone through where the time ran out, else null. "
            "next_cursor goes on from there; a sorted page stays empty until all are."
        )
    )


class RowModel(BaseModel, title="ExportRow"):
    """One row of an export, whole."""

    object: Literal["export_row"]
    number: int
    row: dict[str, Any]
    columns: list[ColumnModel]


class Exports(Protocol):
    """Where exports are found."""

    async def find(self, project_id: str, export_id: str) -> Document:
        """An export of the project; raises the API's 404."""
        ...


def export_rows_router(
    exports: Exports, browser: Browser, authenticator: Authenticator
) -> APIRouter:
    """The routes, reading through what they are given."""
    router = APIRouter(tags=["Exports"])

    @router.get(
        "/v1/exports/{export_id}/rows",
        summary="Browse an export's rows",
        response_model=RowPage,
        responses=_ERRORS,
        openapi_extra={"parameters": _PARAMETERS},
    )
    async def list_rows(request: Request, export_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """A page of the rows of an export that is done, whatever its format.

        They come as exported, or sorted by any column, and all or those that have a
        text. An answer takes a bounded time; searched_rows says how far it got.
        """
        caller = await authenticator.by_headers(request.headers)
        with readable(_NAMES):
            pairs, paging = split_paging(request.query_params.multi_items())
            given = _read(pairs)
            export = await exports.find(caller.project_id, export_id)
            browsing = browser.rows(
                export,
                q=given.get("q"),
                sort=given.get("sort"),
                cursor=paging.cursor,
                limit=paging.limit,
            )
            try:
                found = await unless_gone(request, browsing)
            except ClientGone:
                return nobody_there()
        return json_answer(slice_shape(found))

    @router.get(
        "/v1/exports/{export_id}/rows/{number}",
        summary="Get a row of an export",
        response_model=RowModel,
        responses={code: said for code, said in _ERRORS.items() if code != 400},
    )
    async def get_row(request: Request, export_id: str, number: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """One row by its number, with every value whole."""
        caller = await authenticator.by_headers(request.headers)
        export = await exports.find(caller.project_id, export_id)
        browsing = browser.row(export, _number(number))
        try:
            return json_answer(row_shape(await unless_gone(request, browsing)))
        except ClientGone:
            return nobody_there()

    return router


def slice_shape(found: Slice) -> Json:
    """A page of rows as the API shows it."""
    rows = [_values(found.columns, row) for row in found.rows]
    return list_shape(LIST, rows, found.next_cursor) | {
        "row_numbers": [row.number for row in found.rows],
        "truncated": [_in_order(found.columns, row.cut) for row in found.rows],
        "columns": _columns(found.columns),
        "total_rows": found.total,
        "searched_rows": found.searched,
    }


def row_shape(found: SingleRow) -> Json:
    """One row as the API shows it."""
    return {
        "object": "export_row",
        "number": found.row.number,
        "row": _values(found.columns, found.row),
        "columns": _columns(found.columns),
    }


def _values(columns: Sequence[Column], row: Row) -> Json:
    return {
        column.name: _value(cell)
        if column.type == "json" and column.name not in row.cut
        else cell
        for column, cell in zip(columns, row.cells, strict=True)
    }


def _value(cell: Cell) -> object:
    """JSON within JSON as its own bytes: a parse would change big integers."""
    if not isinstance(cell, str):
        return cell
    try:
        orjson.loads(cell)
    except orjson.JSONDecodeError:
        return cell
    return orjson.Fragment(cell)


def _columns(columns: Sequence[Column]) -> list[Json]:
    return [{"name": column.name, "type": column.type} for column in columns]


def _in_order(columns: Sequence[Column], names: frozenset[str]) -> list[str]:
    return [column.name for column in columns if column.name in names]


def _read(pairs: list[tuple[str, str]]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in pairs:
        if name not in _NAMES:
            raise InvalidFilters({name: f"is unknown; use {', '.join(_NAMES)}"})
        if name in given:
            raise InvalidFilters({name: "give it once"})
        given[name] = value
    return given


def _number(text: str) -> int:
    # So long a number is no row's, and int() would refuse much longer ones.
    if text.isascii() and text.isdigit() and len(text) <= 15:
        return int(text)
    raise ApiError(
        HTTPStatus.NOT_FOUND,
        "export_row_not_found",
        "A row's number is a whole number, and the first is 1. `row_numbers` in "
        "`GET /v1/exports/{id}/rows` has them.",
    )
