"""``/v1/webhook-sendouts``: what was sent to endpoints, what came of it, and again."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from query.api.answers import json_answer, list_answer, list_shape, readable
from query.api.bodies import body_of, read_json
from query.api.parameters import SENDOUT_LIST, paging_parameters, split_paging
from query.api.sendout_models import (
    RetryRequest,
    SendoutsRetry,
    WebhookAttemptPage,
    WebhookSendout,
    WebhookSendoutPage,
)
from query.api.webhook_actions import ACCEPTED, long_answer, sendout_answer
from query.api.webhook_errors import ERRORS, told
from query.auth import Authenticator
from query.filters import InvalidFilters
from query.webhooks.filters import SENDOUT_VOCABULARY, read_sendout_filters
from query.webhooks.parts import Webhooks
from query.webhooks.sendout_shapes import attempt_shape, sendout_shape, whole_sendout
from query.webhooks.sendouts import ATTEMPTS, LIST


def webhook_sendouts_router(
    webhooks: Webhooks, authenticator: Authenticator
) -> APIRouter:
    """The routes, over what they are given."""
    router = APIRouter(tags=["Webhooks"])
    sendouts, actions = webhooks.sendouts, webhooks.actions

    @router.get(
        "/v1/webhook-sendouts",
        summary="List webhook sendouts",
        response_model=WebhookSendoutPage,
        responses={code: ERRORS[code] for code in (400, 401, 503)},
        openapi_extra={"parameters": SENDOUT_LIST},
    )
    async def list_sendouts(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        """The newest sendouts first, of the last 24 hours unless a time is asked for.

        Beside event_id, group_id and entity_id all of time is searched. Values of one
        filter are OR, filters are AND. A list whose filter matches rarely answers after
        two seconds with what it found and with searched_until; its next_cursor goes on
        from there.
        """
        caller = await authenticator.by_headers(request.headers)
        with readable(SENDOUT_VOCABULARY.names):
            pairs, paging = split_paging(request.query_params.multi_items())
            page = await sendouts.page(
                caller.project_id,
                read_sendout_filters(pairs),
                cursor_text=paging.cursor,
                limit=paging.limit,
            )
        return list_answer(LIST, [sendout_shape(row) for row in page.rows], page)

    @router.post(
        "/v1/webhook-sendouts/retry",
        summary="Retry webhook sendouts",
        response_model=SendoutsRetry,
        responses={
            202: ACCEPTED,
            **{code: ERRORS[code] for code in (400, 401, 409, 413, 503)},
        },
        openapi_extra=body_of(RetryRequest),
    )
    async def retry_all(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Send again all that a filter finds, each under the webhook-id that it had.

        With dry_run they are counted, and nothing is sent. Without it the answer is the
        command: it is a background task, followed by the command's task_id.
        """
        caller = await authenticator.by_headers(request.headers)
        with told():
            retry = await actions.retry_all(caller.project_id, await read_json(request))
        if retry.command is not None:
            return long_answer(retry.command)
        return json_answer(
            {
                "object": "webhook_sendouts_retry",
                "dry_run": True,
                "count": retry.count.number,
                "at_least": retry.count.at_least,
                "filter": retry.filter,
            }
        )

    @router.get(
        "/v1/webhook-sendouts/{sendout_id}",
        summary="Get a webhook sendout",
        response_model=WebhookSendout,
        responses={code: ERRORS[code] for code in (401, 404, 503)},
    )
    async def get(request: Request, sendout_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """One sendout, with the body that its receiver gets as data."""
        caller = await authenticator.by_headers(request.headers)
        with told():
            found = await sendouts.get(caller.project_id, sendout_id)
        return Response(whole_sendout(found), media_type="application/json")

    @router.get(
        "/v1/webhook-sendouts/{sendout_id}/attempts",
        summary="List a webhook sendout's attempts",
        response_model=WebhookAttemptPage,
        responses={code: ERRORS[code] for code in (400, 401, 404, 503)},
        openapi_extra={"parameters": paging_parameters()},
    )
    async def list_attempts(request: Request, sendout_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Each attempt with what was sent and answered, the newest first."""
        caller = await authenticator.by_headers(request.headers)
        with readable(()), told():
            unknown, paging = split_paging(request.query_params.multi_items())
            if unknown:
                raise InvalidFilters({unknown[0][0]: "is unknown"})
            page = await sendouts.attempts(
                caller.project_id,
                sendout_id,
                cursor_text=paging.cursor,
                limit=paging.limit,
            )
        rows = [attempt_shape(row) for row in page.rows]
        return json_answer(list_shape(ATTEMPTS, rows, page.next_cursor))

    @router.post(
        "/v1/webhook-sendouts/{sendout_id}/retry",
        summary="Retry a webhook sendout",
        response_model=WebhookSendout,
        responses={
            202: ACCEPTED,
            **{code: ERRORS[code] for code in (401, 404, 409, 503)},
        },
    )
    async def retry(request: Request, sendout_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Send it again now, under the webhook-id that it has, whatever its status."""
        caller = await authenticator.by_headers(request.headers)
        with told():
            command = await actions.retry(caller.project_id, sendout_id)
            return await sendout_answer(webhooks, command, sendout_id)

    return router
