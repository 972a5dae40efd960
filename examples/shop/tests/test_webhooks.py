"""The webhooks that the shop publishes, and what caused them."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from daybook.testing.recording import RecordingClient
from shop.app import create_app
from shop.imports import Imports
from shop.store import Store

SERVER = {"x-app-id": "shop-server", "x-app-token": "s3cret"}
WEB = {"x-app-id": "shop-web", "x-app-token": "pub1ic"}


@pytest.fixture
def daybook() -> RecordingClient:
    return RecordingClient()


@pytest.fixture
def imports(daybook: RecordingClient) -> Imports:
    return Imports(daybook, Store(), pause_s=0)


@pytest_asyncio.fixture
async def shop(
    daybook: RecordingClient, imports: Imports
) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(daybook, imports.store, imports))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://shop.example", headers=SERVER
    ) as client:
        yield client


async def create(shop: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    return await shop.post("/v1/vouchers", json={"code": "A", "discount": 10} | fields)


def told(daybook: RecordingClient) -> list[tuple[str, str | None, Any]]:
    return [
        (webhook.event_type, webhook.entity_id, json.loads(webhook.payload))
        for webhook in daybook.webhooks
    ]


async def test_a_voucher_and_a_campaign_are_told_of_as_they_are(
    shop: httpx.AsyncClient, daybook: RecordingClient
) -> None:
    campaign = (await shop.post("/v1/campaigns", json={"name": "🎉"})).json()
    made = (await create(shop, campaign=campaign["id"], redemptions=2)).json()
    used = (await shop.post("/v1/vouchers/A/redemption")).json()

    assert told(daybook) == [
        ("campaign.created", campaign["id"], campaign),
        ("voucher.created", "A", made),
        ("voucher.redeemed", "A", used),
    ]
    assert (made["redeemed"], used["redeemed"]) == (0, 1)


async def test_an_amount_is_told_as_the_shop_holds_it(
    shop: httpx.AsyncClient, daybook: RecordingClient
) -> None:
    await create(shop, metadata={"order": 12345678901234567890123, "price": 0.1})

    (webhook,) = daybook.webhooks
    assert '"order":12345678901234567890123' in webhook.payload
    assert '"price":0.1' in webhook.payload


@pytest.mark.parametrize(("key", "channel"), [(SERVER, "API"), (WEB, "CLIENT_API")])
async def test_a_webhook_names_the_request_and_who_made_it(
    shop: httpx.AsyncClient,
    daybook: RecordingClient,
    key: dict[str, str],
    channel: str,
) -> None:
    await shop.post(
        "/v1/vouchers",
        json={"code": "A", "discount": 10},
        headers=httpx.Headers(
            {
                "x-request-id": "req_1",
                "x-user-id": "cust_1",
                "x-user-email": "李雷@example.com",
                **key,
            },
            encoding="utf-8",
        ),
    )

    (webhook,) = daybook.webhooks
    log = daybook.only
    assert webhook.group_id == log.request_id == "req_1"
    source = webhook.event_source
    assert source is not None
    assert source.channel == log.channel == channel
    assert source.user is not None
    assert (source.user.id, source.user.email) == ("cust_1", "李雷@example.com")
    assert source.user == log.user
    assert source.api_key == log.api_key
    assert key["x-app-token"] not in webhook.model_dump_json()


async def test_an_import_is_told_of_once_it_is_finished(
    shop: httpx.AsyncClient, daybook: RecordingClient, imports: Imports
) -> None:
    answer = await shop.post(
        "/v1/vouchers/import?import_file_id=imf_1",
        content="code,discount\nA,10\nA,10\nB,20\n",
        headers={"x-request-id": "req_1", "x-user-id": "cust_1"},
    )
    assert daybook.webhooks == []
    await imports.finished()

    task_id = answer.json()["async_action_id"]
    data = {
        "async_action_id": task_id,
        "import_file_id": "imf_1",
        "total": 3,
        "done_count": 2,
        "failed_count": 1,
    }
    assert told(daybook) == [("import.finished", task_id, data)]
    (webhook,) = daybook.webhooks
    assert webhook.group_id == "req_1"
    assert webhook.event_source is not None
    assert webhook.event_source.user == daybook.only.user
    assert webhook.event_source.api_key == daybook.only.api_key


async def test_what_was_refused_is_not_told_of(
    shop: httpx.AsyncClient, daybook: RecordingClient
) -> None:
    await create(shop)
    await shop.post("/v1/vouchers/A/redemption")
    before = len(daybook.webhooks)

    await create(shop)
    await create(shop, code="B", campaign="none")
    await shop.post("/v1/vouchers/A/redemption")
    await shop.post("/v1/vouchers/NONE/redemption")
    await shop.post("/v1/campaigns", json={"name": ""})
    await shop.post("/v1/vouchers/import", content="nonsense")

    assert len(daybook.webhooks) == before == 2


async def test_an_import_that_is_cut_short_is_not_told_of(
    daybook: RecordingClient,
) -> None:
    imports = Imports(daybook, Store(), pause_s=60)
    app = create_app(daybook, imports.store, imports)

    async with app.router.lifespan_context(app):
        imports.begin([(2, ["A", "10"])], {})

    assert daybook.webhooks == []
