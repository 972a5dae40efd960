"""Webhooks through the whole stack: from the shop to a receiver, and back by hand."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from daybook.testing.receivers import Receiver, reply
from daybook.testing.stack_run import StackRun
from daybook.testing.waiting import eventually
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from svix.webhooks import Webhook as SvixWebhook

pytestmark = pytest.mark.timeout(240)

SHOP_HEADERS = {"x-app-id": "shop-server", "x-app-token": "s3cret"}


@pytest_asyncio.fixture
async def api(run: StackRun) -> AsyncIterator[httpx.AsyncClient]:
    key = {"authorization": f"Bearer {run.stack['api_key']}"}
    async with httpx.AsyncClient(
        base_url=run.stack["api"], headers=key, timeout=20
    ) as client:
        yield client


async def make_endpoint(
    api: httpx.AsyncClient, url: str, **more: Any
) -> dict[str, Any]:
    made = await api.post("/v1/webhook-endpoints", json={"url": url, **more})
    assert made.status_code == 201, made.text
    return made.json()


async def make_voucher(run: StackRun) -> str:
    """Ask the shop for one, which it tells of; the request's id."""
    request_id = f"req-{uuid4()}"
    async with httpx.AsyncClient(base_url=run.stack["shop"]) as shop:
        asked = await shop.post(
            "/v1/vouchers",
            json={"code": f"W-{uuid4().hex[:10]}", "discount": 10},
            headers=SHOP_HEADERS | {"x-request-id": request_id, "x-user-id": "cust_1"},
        )
    assert asked.status_code == 201, asked.text
    return request_id


async def sendouts_of(
    api: httpx.AsyncClient, request_id: str, endpoint: str
) -> list[dict[str, Any]]:
    chosen = {"group_id": request_id, "endpoint_id": endpoint}
    answer = await api.get("/v1/webhook-sendouts", params=chosen)
    answer.raise_for_status()
    return answer.json()["webhook_sendouts"]


async def becomes(
    api: httpx.AsyncClient, request_id: str, endpoint: str, status: str
) -> dict[str, Any]:
    """Wait until the one sendout has this status."""

    async def so() -> bool:
        found = await sendouts_of(api, request_id, endpoint)
        return [one["status"] for one in found] == [status]

    await eventually(so, within=30)
    (found,) = await sendouts_of(api, request_id, endpoint)
    return found


async def test_a_webhook_of_the_shop_reaches_its_endpoint_and_verifies(
    run: StackRun, api: httpx.AsyncClient
) -> None:
    async with Receiver() as receiver:
        made = await make_endpoint(api, receiver.url(), event_types=["voucher.created"])
        request_id = await make_voucher(run)
        sendout = await becomes(api, request_id, made["id"], "SENT")

        request = next(
            one
            for one in receiver.requests
            if one.header("webhook-id") == sendout["id"]
        )
        headers = {name.lower(): value for name, value in request.headers}
        for verifier in (Webhook, SvixWebhook):
            verifier(made["secret"]).verify(request.body, headers)
        detail = (await api.get(f"/v1/webhook-sendouts/{sendout['id']}")).content
        data = request.body.split(b'"data":', 1)[1].split(b',"source":', 1)[0]
        assert data in detail

        async def its_log_is_found() -> bool:
            # The webhook and the request's log come by topics of their own: either
            # may be first.
            asked = {"request_id": sendout["group_id"]}
            logs = (await api.get("/v1/logs", params=asked)).json()["logs"]
            return [one["request_id"] for one in logs] == [request_id]

        await eventually(its_log_is_found, within=30)
        await api.delete(f"/v1/webhook-endpoints/{made['id']}")


async def test_signatures_hold_before_during_and_after_a_rotation(
    run: StackRun, api: httpx.AsyncClient
) -> None:
    async with Receiver() as receiver:
        made = await make_endpoint(api, receiver.url(), event_types=["voucher.created"])
        path = f"/v1/webhook-endpoints/{made['id']}/rotate-secret"

        async def verified_by(*secrets: str) -> list[bool]:
            request_id = await make_voucher(run)
            sendout = await becomes(api, request_id, made["id"], "SENT")
            request = next(
                one
                for one in receiver.requests
                if one.header("webhook-id") == sendout["id"]
            )
            headers = {name.lower(): value for name, value in request.headers}
            return [verifies(secret, request.body, headers) for secret in secrets]

        first = made["secret"]
        assert await verified_by(first) == [True]
        second = (await api.post(path, json={"grace_s": 3600})).json()["secret"]
        assert await verified_by(first, second) == [True, True]
        third = (await api.post(path, json={"grace_s": 0})).json()["secret"]
        assert await verified_by(first, second, third) == [False, False, True]
        await api.delete(f"/v1/webhook-endpoints/{made['id']}")


def verifies(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


async def test_what_failed_is_seen_and_sent_again_by_hand(
    run: StackRun, api: httpx.AsyncClient
) -> None:
    async with Receiver(reply(503)) as receiver:
        made = await make_endpoint(
            api,
            receiver.url(),
            event_types=["voucher.created"],
            retry_schedule_s=[3600],
        )
        request_id = await make_voucher(run)
        failed = await becomes(api, request_id, made["id"], "RETRYING")
        assert failed["last_error"]["message"] == "answered 503"

        receiver.answer = reply()
        path = f"/v1/webhook-sendouts/{failed['id']}"
        again = await api.post(f"{path}/retry")
        assert again.status_code in (200, 202), again.text
        await becomes(api, request_id, made["id"], "SENT")

        attempts = (await api.get(f"{path}/attempts")).json()["webhook_attempts"]
        told = {one["trigger"]: one["status_code"] for one in attempts}
        assert told == {"first": 503, "manual": 200}
        await api.delete(f"/v1/webhook-endpoints/{made['id']}")


async def test_the_shops_own_receiver_has_each_webhook_once(run: StackRun) -> None:
    """The example receiver, whose endpoint the stack made."""
    async with httpx.AsyncClient(base_url=run.stack["receiver"]) as receiver:

        async def some_came() -> bool:
            summary = (await receiver.get("/ledger/summary")).json()
            return summary["total"]["received"] >= 3

        await eventually(some_came, within=60)
        summary = (await receiver.get("/ledger/summary")).json()

    counts = list(summary["webhooks"].values())
    assert all(one["received"] == one["verified"] for one in counts)
