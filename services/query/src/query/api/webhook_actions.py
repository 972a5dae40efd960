"""What is asked of the dispatcher over HTTP, and ``/v1/commands/{id}``."""

from http import HTTPStatus

from daybook.runtime.mongo import Document
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from query.api.answers import json_answer
from query.api.bodies import body_of, read_json
from query.api.sendout_models import WebhookSendout
from query.api.webhook_errors import ERRORS, Answers, command_failed, no_command, told
from query.api.webhook_models import (
    Command,
    Disabling,
    Replay,
    WebhookEndpoint,
    WebhookEndpointStats,
)
from query.auth import Authenticator
from query.webhooks.commands import NoSuchCommand
from query.webhooks.endpoint_shapes import command_shape, endpoint_shape, stats_shape
from query.webhooks.parts import Webhooks
from query.webhooks.sendout_shapes import whole_sendout
from query.webhooks.sendouts import NoSuchSendout

ACCEPTED = {"model": Command, "description": "It will be done: ask for the command."}
_REFUSALS: Answers = {code: ERRORS[code] for code in (400, 401, 404, 409, 413, 503)}
_POSSIBLE: Answers = {202: ACCEPTED, **_REFUSALS}


def webhook_actions_router(
    webhooks: Webhooks, authenticator: Authenticator
) -> APIRouter:
    """The routes, over what they are given."""
    router = APIRouter(tags=["Webhooks"])
    actions = webhooks.actions

    async def endpoint_answer(command: Document, endpoint_id: str) -> Response:
        if (pending := unfinished(command)) is not None:
            return pending
        found = await webhooks.endpoints.get(command["project_id"], endpoint_id)
        return json_answer(endpoint_shape(found))

    @router.post(
        "/v1/webhook-endpoints/{endpoint_id}/test",
        summary="Send a webhook endpoint a test",
        response_model=WebhookSendout,
        responses=_POSSIBLE,
    )
    async def test(request: Request, endpoint_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """One attempt, also where the endpoint is disabled; the answer is its sendout.

        Look at the sendout's attempts for what came of it.
        """
        caller = await authenticator.by_headers(request.headers)
        with told():
            asked = await actions.test(caller.project_id, endpoint_id)
            return await sendout_answer(webhooks, asked.command, asked.sendout_id)

    @router.post(
        "/v1/webhook-endpoints/{endpoint_id}/enable",
        summary="Enable a webhook endpoint",
        response_model=WebhookEndpoint,
        responses=_POSSIBLE,
    )
    async def enable(request: Request, endpoint_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Deliver again after it was disabled; what was held waits for a replay."""
        caller = await authenticator.by_headers(request.headers)
        with told():
            command = await actions.enable(caller.project_id, endpoint_id)
            return await endpoint_answer(command, endpoint_id)

    @router.post(
        "/v1/webhook-endpoints/{endpoint_id}/disable",
        summary="Disable a webhook endpoint",
        response_model=WebhookEndpoint,
        responses=_POSSIBLE,
        openapi_extra=body_of(Disabling, required=False),
    )
    async def disable(request: Request, endpoint_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Deliver nothing until it is enabled; events are held meanwhile."""
        caller = await authenticator.by_headers(request.headers)
        with told():
            body = await read_json(request)
            command = await actions.disable(caller.project_id, endpoint_id, body)
            return await endpoint_answer(command, endpoint_id)

    @router.post(
        "/v1/webhook-endpoints/{endpoint_id}/replay",
        summary="Replay events to a webhook endpoint",
        status_code=HTTPStatus.ACCEPTED,
        response_model=Command,
        responses=_REFUSALS,
        openapi_extra=body_of(Replay),
    )
    async def replay(request: Request, endpoint_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Send again what was held or failed, and what the endpoint never had.

        It is a background task: follow task_id of the command. What is sent again has
        the webhook-id that it had.
        """
        caller = await authenticator.by_headers(request.headers)
        with told():
            body = await read_json(request)
            command = await actions.replay(caller.project_id, endpoint_id, body)
        return long_answer(command)

    @router.get(
        "/v1/webhook-endpoints/{endpoint_id}/stats",
        summary="See how a webhook endpoint does",
        response_model=WebhookEndpointStats,
        responses={code: ERRORS[code] for code in (401, 404, 503)},
    )
    async def stats(request: Request, endpoint_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """The last 24 hours: volume by hour, success rate and p95 of durations.

        What takes longer than a list's time is left out, and based_on says so.
        """
        caller = await authenticator.by_headers(request.headers)
        with told():
            await webhooks.endpoints.get(caller.project_id, endpoint_id)
        found = await webhooks.stats.of(caller.project_id, endpoint_id)
        return json_answer(stats_shape(endpoint_id, found))

    @router.get(
        "/v1/commands/{command_id}",
        summary="Get a command",
        response_model=Command,
        responses={code: ERRORS[code] for code in (401, 404, 503)},
    )
    async def get_command(request: Request, command_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """What was asked for, and whether it is done."""
        caller = await authenticator.by_headers(request.headers)
        try:
            found = await webhooks.commands.get(caller.project_id, command_id)
        except NoSuchCommand as error:
            raise no_command(command_id) from error
        return json_answer(command_shape(found))

    return router


def unfinished(command: Document) -> Response | None:
    """202 with a command that is not done; None once it is. Raises ApiError."""
    if command["status"] == "FAILED":
        raise command_failed(command)
    if command["status"] == "DONE":
        return None
    return _accepted(command)


def long_answer(command: Document) -> Response:
    """202 with a command that goes on behind; raises ApiError where it failed."""
    if command["status"] == "FAILED":
        raise command_failed(command)
    return _accepted(command)


async def sendout_answer(
    webhooks: Webhooks, command: Document, sendout_id: str
) -> Response:
    """The sendout that a command acted on; 202 with the command before it has."""
    if (pending := unfinished(command)) is not None:
        return pending
    try:
        found = await webhooks.sendouts.get(command["project_id"], sendout_id)
    except NoSuchSendout:
        # It has expired since.
        return _accepted(command)
    return Response(whole_sendout(found), media_type="application/json")


def _accepted(command: Document) -> Response:
    answer = json_answer(command_shape(command))
    answer.status_code = HTTPStatus.ACCEPTED
    return answer
