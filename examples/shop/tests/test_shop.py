"""The shop, and what it tells Daybook."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from daybook.events.request import RequestCompleted
from daybook.testing.recording import RecordingClient
from shop.app import create_app

KEY = {"x-app-id": "shop-server", "x-app-token": "s3cret"}


@pytest.fixture
def publisher() -> RecordingClient:
    return RecordingClient()


@pytest_asyncio.fixture
async def shop(publisher: RecordingClient) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(publisher), raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://shop.example", headers=KEY
    ) as client:
        yield client


async def create(shop: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    return await shop.post("/v1/vouchers", json={"code": "A", "discount": 10} | fields)


async def test_a_voucher_is_made_found_and_used_up(shop: httpx.AsyncClient) -> None:
    assert (await create(shop)).status_code == 201
    assert (await shop.get("/v1/vouchers/A")).json()["discount"] == 10
    assert (await shop.get("/v1/vouchers")).json()["total"] == 1
    assert (await shop.post("/v1/vouchers/A/redemption")).json()["redeemed"] == 1
    assert (await shop.post("/v1/vouchers/A/redemption")).status_code == 400


async def test_a_campaign_is_made_and_found(shop: httpx.AsyncClient) -> None:
    made = (await shop.post("/v1/campaigns", json={"name": "🎉"})).json()

    assert (await shop.get(f"/v1/campaigns/{made['id']}")).json()["name"] == "🎉"
    assert (await shop.get("/v1/campaigns")).json()["total"] == 1
    assert (await create(shop, campaign=made["id"])).status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "/v1/vouchers/NONE", {}, 404),
        ("GET", "/v1/campaigns/none", {}, 404),
        ("POST", "/v1/vouchers", {"json": {"code": "A", "discount": 0}}, 400),
        ("POST", "/v1/vouchers", {"content": b'{"code": "A", '}, 400),
        ("POST", "/v1/vouchers", {"content": b"\xff\x00"}, 400),
        ("POST", "/v1/vouchers", {"json": {"code": "OLD", "discount": 5}}, 409),
        ("GET", "/v1/vouchers", {"headers": {"x-app-token": "guessed"}}, 401),
        ("POST", "/v1/login", {"data": {"password": "hunter2"}}, 401),
        ("GET", "/v1/reports/broken", {}, 500),
    ],
)
async def test_what_fails_is_answered_so_and_is_a_log(
    shop: httpx.AsyncClient,
    publisher: RecordingClient,
    method: str,
    path: str,
    sent: dict[str, Any],
    status: int,
) -> None:
    await create(shop, code="OLD")

    answer = await shop.request(method, path, **sent)

    assert answer.status_code == status
    assert publisher.calls[-1].event.status_code == status


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", None),
        (b"", "text/plain"),
        (b'{"n": 12345678901234567890123, "n": 1.00}', "application/json"),
        ("مرحبا 🎉".encode(), "text/plain; charset=utf-8"),
        (bytes(range(256)), "application/octet-stream"),
        (b"x" * 200_000, "text/html"),
    ],
)
async def test_echo_answers_the_bytes_and_the_content_type_that_it_got(
    shop: httpx.AsyncClient, content: bytes, kind: str | None
) -> None:
    headers = {"content-type": kind} if kind else None

    answer = await shop.post("/echo", content=content, headers=headers)

    assert answer.content == content
    assert answer.headers.get("content-type") == kind


async def test_a_log_says_who_did_what_to_what(
    shop: httpx.AsyncClient, publisher: RecordingClient
) -> None:
    await create(shop)
    await shop.get(
        "/v1/vouchers/A", headers={"x-user-id": "cust_1", "x-user-email": "a@b.example"}
    )

    log = publisher.calls[-1].event
    assert log.endpoint == "GET /v1/vouchers/{code}"
    assert log.user is not None
    assert (log.user.id, log.user.email) == ("cust_1", "a@b.example")
    assert log.api_key is not None
    assert (log.api_key.id, log.api_key.kind) == ("shop-server", "server")
    assert log.resource is not None
    assert (log.resource.type, log.resource.id) == ("voucher", "A")


async def test_no_secret_leaves_the_shop(
    shop: httpx.AsyncClient, publisher: RecordingClient
) -> None:
    form = {"username": "ann", "password": "correct horse"}
    answer = await shop.post("/v1/login", data=form)

    log = publisher.only.model_dump_json()
    assert answer.json()["token"] == "ey-not-a-real-one"
    assert "correct" not in log
    assert "ey-not-a-real-one" not in log
    assert "s3cret" not in log


async def test_vouchers_stream_line_by_line(
    shop: httpx.AsyncClient, publisher: RecordingClient
) -> None:
    for number in range(5):
        await create(shop, code=f"V{number}")

    answer = await shop.get("/v1/vouchers.ndjson")

    assert len(answer.text.splitlines()) == 5
    log = publisher.calls[-1].event
    assert log.response is not None
    assert log.response.body == answer.text


async def test_health_checks_are_no_logs(
    shop: httpx.AsyncClient, publisher: RecordingClient
) -> None:
    assert (await shop.get("/healthz")).json() == {"status": "ok"}

    assert publisher.calls == []


async def test_a_client_that_hangs_up_is_a_log(
    shop: httpx.AsyncClient, publisher: RecordingClient
) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await shop.get("/v1/reports/slow")

    log: RequestCompleted = publisher.only
    assert log.endpoint == "GET /v1/reports/slow"
    assert log.status_code is None


async def test_the_shop_starts_and_closes_the_client_that_it_is_given() -> None:
    class Client(RecordingClient):
        steps: list[str]

        async def __aenter__(self) -> None:
            self.steps = ["started"]

        async def __aexit__(self, *_: object) -> None:
            self.steps.append("closed")

    client = Client()
    app = create_app(client)

    async with app.router.lifespan_context(app):
        assert client.steps == ["started"]
    assert client.steps == ["started", "closed"]
