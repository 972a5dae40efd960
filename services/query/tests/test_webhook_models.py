"""Answers about webhooks have the names and types that the documentation shows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
from daybook.testing.stored_sendouts import (
    stored_attempt,
    stored_endpoint,
    stored_sendout,
)
from daybook.webhooks.addresses import AddressRules
from pydantic import BaseModel
from query.api.sendout_models import (
    WebhookAttempt,
    WebhookSendout,
    WebhookSendoutSummary,
)
from query.api.webhook_models import (
    Command,
    EndpointChange,
    EndpointDraft,
    WebhookEndpoint,
    WebhookEndpointWithSecret,
)
from query.webhooks.bodies import InvalidBody
from query.webhooks.drafts import read_change, read_draft
from query.webhooks.endpoint_shapes import (
    command_shape,
    endpoint_shape,
    with_secret_shape,
)
from query.webhooks.endpoints import WithSecret
from query.webhooks.sendout_shapes import (
    attempt_shape,
    sendout_shape,
    whole_sendout,
)

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ERROR = {"kind": "status", "message": "answered 500", "status_code": 500}
FAILED = stored_attempt(1, NOW, error=ERROR, next_attempt_at=NOW + timedelta(hours=1))
SENDOUT = stored_sendout("whs_1", NOW, FAILED, status="RETRYING", entity_id="v")
BARE = stored_sendout("whs_2", NOW, status="SCHEDULED")
DISABLED = {"at": NOW, "reason": "answered 410 Gone: endpoint disabled"}
ENDPOINT = stored_endpoint(
    "we_1", NOW, headers=[{"name": "X", "value": "sealed"}], disabled=DISABLED
)
COMMAND = {
    "id": "cmd_1",
    "kind": "sendout.retry",
    "status": "ACCEPTED",
    "created_at": NOW,
}

ANSWERS: list[tuple[type[BaseModel], dict[str, Any]]] = [
    (WebhookSendoutSummary, sendout_shape(SENDOUT)),
    (WebhookSendoutSummary, sendout_shape(BARE)),
    (WebhookSendout, orjson.loads(whole_sendout(SENDOUT))),
    (WebhookSendout, orjson.loads(whole_sendout(BARE))),
    (WebhookAttempt, attempt_shape(FAILED)),
    (WebhookAttempt, attempt_shape({**FAILED, "response_body": None})),
    (WebhookEndpoint, endpoint_shape(ENDPOINT)),
    (WebhookEndpoint, endpoint_shape(stored_endpoint("we_1", NOW))),
    (WebhookEndpointWithSecret, with_secret_shape(WithSecret(ENDPOINT, "whsec_"))),
    (Command, command_shape(COMMAND)),
    (Command, command_shape({**COMMAND, "task_id": "t", "finished_at": NOW})),
]


@pytest.mark.parametrize(("model", "shape"), ANSWERS)
def test_an_answer_is_what_its_model_says(
    model: type[BaseModel], shape: dict[str, Any]
) -> None:
    model.model_validate(shape)

    assert set(model.model_fields) == set(shape)


def test_what_the_documentation_lets_be_said_is_what_is_read() -> None:
    """Every name that the models of bodies have is known, and no other."""
    rules = AddressRules()

    with pytest.raises(InvalidBody) as drafted:
        read_draft(dict.fromkeys([*EndpointDraft.model_fields, "else"], object), rules)
    with pytest.raises(InvalidBody) as changed:
        read_change(
            dict.fromkeys([*EndpointChange.model_fields, "else"], object), rules
        )

    for raised, model in ((drafted, EndpointDraft), (changed, EndpointChange)):
        problems = raised.value.problems
        unknown = {name for name, said in problems.items() if "is unknown" in said}
        assert unknown == {"else"}
        assert set(problems) == {*model.model_fields, "else"}


async def test_the_documentation_has_all_of_webhooks(
    anyone: httpx.AsyncClient,
) -> None:
    page = await anyone.get("/docs")
    openapi = (await anyone.get("/openapi.json")).json()

    endpoint = "/v1/webhook-endpoints/{endpoint_id}"
    actions = ("rotate-secret", "test", "enable", "disable", "replay", "stats")
    sendouts = "/v1/webhook-sendouts"
    assert {
        "/v1/webhook-endpoints",
        endpoint,
        *(f"{endpoint}/{action}" for action in actions),
        sendouts,
        f"{sendouts}/retry",
        f"{sendouts}/{{sendout_id}}",
        f"{sendouts}/{{sendout_id}}/attempts",
        f"{sendouts}/{{sendout_id}}/retry",
        "/v1/commands/{command_id}",
    } <= set(openapi["paths"])
    assert set(openapi["paths"][endpoint]) == {"get", "patch", "delete"}
    for text in (
        "attempts[gte]",
        "retry_schedule_s",
        "WebhookSendoutSummary[]",
        "body",
    ):
        assert text in page.text
