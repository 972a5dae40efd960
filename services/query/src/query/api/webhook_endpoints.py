"""``/v1/webhook-endpoints``: where webhooks are sent to."""

from http import HTTPStatus

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from query.api.answers import json_answer, list_shape, readable
from query.api.bodies import body_of, read_json
from query.api.parameters import paging_parameters, split_paging
from query.api.webhook_errors import ERRORS, told
from query.api.webhook_models import (
    EndpointChange,
    EndpointDraft,
    Rotation,
    WebhookEndpoint,
    WebhookEndpointPage,
    WebhookEndpointWithSecret,
)
from query.auth import Authenticator
from query.filters import InvalidFilters
from query.webhooks.endpoint_shapes import endpoint_shape, with_secret_shape
from query.webhooks.endpoints import LIST, Endpoints


def webhook_endpoints_router(
    endpoints: Endpoints, authenticator: Authenticator
) -> APIRouter:
    """The routes, over what they are given."""
    router = APIRouter(tags=["Webhooks"])

    @router.post(
        "/v1/webhook-endpoints",
        summary="Make a webhook endpoint",
        status_code=HTTPStatus.CREATED,
        response_model=WebhookEndpointWithSecret,
        responses={code: ERRORS[code] for code in (400, 401, 409, 413, 503)},
        openapi_extra=body_of(EndpointDraft),
    )
    async def make(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Events that are published from now on are sent there.

        Only url is needed. The answer has the secret that signs, this once: what is
        kept of it is sealed. What a URL shows by itself is judged now, what its name
        resolves to with every attempt.
        """
        caller = await authenticator.by_headers(request.headers)
        with told():
            made = await endpoints.make(caller.project_id, await read_json(request))
        answer = json_answer(with_secret_shape(made))
        answer.status_code = HTTPStatus.CREATED
        return answer

    @router.get(
        "/v1/webhook-endpoints",
        summary="List webhook endpoints",
        response_model=WebhookEndpointPage,
        responses={code: ERRORS[code] for code in (400, 401, 503)},
        openapi_extra={"parameters": paging_parameters()},
    )
    async def list_endpoints(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        """The project's endpoints, newest first."""
        caller = await authenticator.by_headers(request.headers)
        with readable(()), told():
            unknown, paging = split_paging(request.query_params.multi_items())
            if unknown:
                raise InvalidFilters({unknown[0][0]: "is unknown"})
            page = await endpoints.page(
                caller.project_id, cursor_text=paging.cursor, limit=paging.limit
            )
        rows = [endpoint_shape(row) for row in page.rows]
        return json_answer(list_shape(LIST, rows, page.next_cursor))

    @router.get(
        "/v1/webhook-endpoints/{endpoint_id}",
        summary="Get a webhook endpoint",
        response_model=WebhookEndpoint,
        responses={code: ERRORS[code] for code in (401, 404, 503)},
    )
    async def get(request: Request, endpoint_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """One endpoint; its secret and its headers' values show no more."""
        caller = await authenticator.by_headers(request.headers)
        with told():
            found = await endpoints.get(caller.project_id, endpoint_id)
        return json_answer(endpoint_shape(found))

    @router.patch(
        "/v1/webhook-endpoints/{endpoint_id}",
        summary="Change a webhook endpoint",
        response_model=WebhookEndpoint,
        responses={code: ERRORS[code] for code in (400, 401, 404, 413, 503)},
        openapi_extra=body_of(EndpointChange),
    )
    async def change(request: Request, endpoint_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """What is named is replaced, for every attempt from then on.

        null is the default. Of headers all are replaced; one whose value is masked
        keeps the value that it has.
        """
        caller = await authenticator.by_headers(request.headers)
        with told():
            changed = await endpoints.change(
                caller.project_id, endpoint_id, await read_json(request)
            )
        return json_answer(endpoint_shape(changed))

    @router.delete(
        "/v1/webhook-endpoints/{endpoint_id}",
        summary="Delete a webhook endpoint",
        status_code=HTTPStatus.NO_CONTENT,
        response_class=Response,
        responses={code: ERRORS[code] for code in (401, 404, 503)},
    )
    async def delete(request: Request, endpoint_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Nothing is sent there any more, and what was still open fails."""
        caller = await authenticator.by_headers(request.headers)
        with told():
            await endpoints.delete(caller.project_id, endpoint_id)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    @router.post(
        "/v1/webhook-endpoints/{endpoint_id}/rotate-secret",
        summary="Give a webhook endpoint a new secret",
        response_model=WebhookEndpointWithSecret,
        responses={code: ERRORS[code] for code in (400, 401, 404, 413, 503)},
        openapi_extra=body_of(Rotation, required=False),
    )
    async def rotate_secret(request: Request, endpoint_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """The answer has the new secret, this once.

        Until the grace is over the old one signs too, so that a receiver may change in
        its own time. With grace_s 0 the old one signs nothing any more.
        """
        caller = await authenticator.by_headers(request.headers)
        with told():
            rotated = await endpoints.rotate_secret(
                caller.project_id, endpoint_id, await read_json(request)
            )
        return json_answer(with_secret_shape(rotated))

    return router
