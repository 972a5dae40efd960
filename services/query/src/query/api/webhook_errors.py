"""What goes wrong with webhooks, as the API's errors."""

from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from daybook.runtime.mongo import Document
from daybook.storage.commands import KEPT

from query.api.bodies import invalid_body
from query.api.errors import ApiError
from query.api.models import Error
from query.webhooks.bodies import InvalidBody
from query.webhooks.endpoint_repository import NoSuchEndpoint, TooManyEndpoints
from query.webhooks.endpoints import NoSealingKeys
from query.webhooks.sendouts import NoSuchSendout

# As the documentation has them, by status.
Answers = dict[int | str, dict[str, Any]]

ERRORS: Answers = {
    400: {"model": Error, "description": "A parameter or the body cannot be used."},
    401: {"model": Error, "description": "No valid key."},
    404: {"model": Error, "description": "No such thing in the key's project."},
    409: {"model": Error, "description": "It cannot be done as things are."},
    413: {"model": Error, "description": "The body is too large."},
    503: {"model": Error, "description": "The database is away, or no key seals."},
}


@contextmanager
def told() -> Generator[None]:
    """What is refused becomes the error object."""
    try:
        yield
    except InvalidBody as error:
        raise invalid_body(error) from error
    except NoSuchEndpoint as error:
        raise no_endpoint(error.endpoint_id) from error
    except NoSuchSendout as error:
        raise no_sendout(error.sendout_id) from error
    except TooManyEndpoints as error:
        raise ApiError(
            HTTPStatus.CONFLICT,
            "too_many_webhook_endpoints",
            f"A project has at most {error.most} webhook endpoints, and this one has "
            "as many. Delete one, or give one more event types.",
        ) from error
    except NoSealingKeys as error:
        raise ApiError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "sealing_keys_missing",
            "Webhook endpoints are not available: nothing is configured to seal their "
            "secrets with. Set DAYBOOK_SEALING_KEYS or DAYBOOK_SEALING_KEYS_FILE, the "
            "same for query and the webhook-dispatcher, and start both again.",
        ) from error


def command_failed(command: Document) -> ApiError:
    return ApiError(
        HTTPStatus.CONFLICT,
        "command_failed",
        f"It could not be done: {command.get('message') or 'no reason was given'}.",
        resource=("command", command["id"]),
    )


def no_command(command_id: str) -> ApiError:
    return ApiError(
        HTTPStatus.NOT_FOUND,
        "command_not_found",
        f"There is no command {command_id} in this project. It may have expired: "
        f"commands are kept for {KEPT.days} days.",
        resource=("command", command_id),
    )


def no_sendout(sendout_id: str) -> ApiError:
    return ApiError(
        HTTPStatus.NOT_FOUND,
        "webhook_sendout_not_found",
        f"There is no webhook sendout {sendout_id} in this project. It may have "
        "expired: `GET /v1/webhook-sendouts` lists what is there.",
        resource=("webhook_sendout", sendout_id),
    )


def no_endpoint(endpoint_id: str) -> ApiError:
    return ApiError(
        HTTPStatus.NOT_FOUND,
        "webhook_endpoint_not_found",
        f"There is no webhook endpoint {endpoint_id} in this project. "
        "`GET /v1/webhook-endpoints` lists what is there.",
        resource=("webhook_endpoint", endpoint_id),
    )
