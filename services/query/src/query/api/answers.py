"""Answers of the API: plain data as JSON, and the shape that every list has."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from http import HTTPStatus

import orjson
from starlette.responses import Response

from query.api.errors import ApiError
from query.cursors import InvalidCursor
from query.filters import InvalidFilters
from query.lists import Listed
from query.shapes import Json, ms_text


def json_answer(shape: object) -> Response:
    return Response(orjson.dumps(shape), media_type="application/json")


def list_shape(name: str, rows: Sequence[Json], next_cursor: str | None) -> Json:
    """A list; ``name`` is its ``data_ref``."""
    return {
        "object": "list",
        "data_ref": name,
        name: rows,
        "has_more": next_cursor is not None,
        "next_cursor": next_cursor,
    }


def list_answer(name: str, rows: Sequence[Json], page: Listed) -> Response:
    """A list that has a time budget."""
    shape = list_shape(name, rows, page.next_cursor)
    return json_answer(shape | {"searched_until": ms_text(page.searched_until)})


@contextmanager
def readable(parameters: Iterable[str]) -> Generator[None]:
    """What is wrong with a query becomes a 400 that lists the parameters there are."""
    try:
        yield
    except InvalidFilters as error:
        raise invalid_parameters(error, parameters) from error
    except InvalidCursor as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, "invalid_cursor", str(error)) from error


def invalid_parameters(error: InvalidFilters, parameters: Iterable[str]) -> ApiError:
    """What is wrong with each parameter, and which ones there are."""
    message = "; ".join(f"{name} {what}" for name, what in error.problems.items())
    return ApiError(
        HTTPStatus.BAD_REQUEST,
        "invalid_query_params",
        f"The query cannot be read: {message}.",
        details=f"Parameters: {', '.join((*parameters, 'limit', 'cursor'))}.",
    )
