"""Bodies of requests: JSON, read whole and within a bound."""

from http import HTTPStatus
from typing import Any

import orjson
from pydantic import BaseModel
from starlette.requests import Request

from query.api.errors import ApiError
from query.webhooks.bodies import InvalidBody

MOST_BYTES = 64 * 1024


async def read_json(request: Request, most_bytes: int = MOST_BYTES) -> object:
    """The body's value, ``{}`` where there is none; raises ApiError."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise ApiError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "payload_too_large",
                f"The body is longer than {most_bytes} bytes.",
                # What is left of it is not read.
                headers={"connection": "close"},
            )
    if not body.strip():
        return {}
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ApiError(
            HTTPStatus.BAD_REQUEST,
            "invalid_payload",
            f"The body is not JSON: {error}.",
        ) from error


def invalid_body(error: InvalidBody) -> ApiError:
    """What is wrong with each field."""
    said = "; ".join(f"{name}: {what}" for name, what in error.problems.items())
    return ApiError(
        HTTPStatus.BAD_REQUEST, "invalid_payload", f"The body cannot be used: {said}."
    )


def body_of(model: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """What the documentation says of a route's body."""
    schema = model.model_json_schema()
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": required, "content": content}}
