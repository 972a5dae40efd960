"""What a person does about webhooks on the dashboard, done by the dispatcher."""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from daybook.testing.pages import form_in, link_in, text_of
from daybook.testing.receivers import Receiver, reply
from daybook.testing.stack_run import StackRun
from daybook.testing.waiting import eventually

pytestmark = pytest.mark.timeout(240)

ENDPOINTS = "/webhook-endpoints"
SHOP_HEADERS = {"x-app-id": "shop-server", "x-app-token": "s3cret"}


@pytest_asyncio.fixture
async def person(run: StackRun) -> AsyncIterator[httpx.AsyncClient]:
    """A signed-in browser, as far as forms and links go."""
    async with httpx.AsyncClient(
        base_url=run.stack["api"],
        headers={"accept": "text/html"},
        follow_redirects=True,
        timeout=20,
    ) as client:
        await client.get(run.stack["dashboard"])
        yield client


async def press(
    person: httpx.AsyncClient, page: str, action: str, **typed: str
) -> httpx.Response:
    """Fill in a form of the page and send it; the page that it leads to."""
    shown = await person.get(page)
    return await person.post(action, data=form_in(shown.text, action) | typed)


async def shows(person: httpx.AsyncClient, page: str, words: str) -> httpx.Response:
    """Reload the page until it says so."""

    async def said() -> bool:
        return words in text_of((await person.get(page)).text)

    await eventually(said, within=30)
    return await person.get(page)


async def make_voucher(run: StackRun) -> str:
    """Ask the shop for one, which it tells of; the request's id."""
    request_id = f"req-{uuid4()}"
    async with httpx.AsyncClient(base_url=run.stack["shop"]) as shop:
        asked = await shop.post(
            "/v1/vouchers",
            json={"code": f"P-{uuid4().hex[:10]}", "discount": 10},
            headers=SHOP_HEADERS | {"x-request-id": request_id, "x-user-id": "cust_1"},
        )
    assert asked.status_code == 201, asked.text
    return request_id


async def test_what_a_dead_receiver_missed_is_found_and_sent_by_hand(
    run: StackRun, person: httpx.AsyncClient
) -> None:
    async with Receiver() as receiver:
        made = await press(
            person,
            f"{ENDPOINTS}/new",
            ENDPOINTS,
            url=receiver.url(),
            event_types="voucher.created",
            retry_schedule_s="",
        )
        page = link_in(made.text, "Go to the endpoint")
        tested = await press(person, page, f"{page}/test")
        await shows(person, str(tested.url), "Test no. 1 200 took")

        # Without retries the first failure is one too many.
        receiver.answer = reply(500)
        request_id, endpoint_id = await make_voucher(run), page.rpartition("/")[2]
        missed = f"/webhooks?group_id={request_id}&endpoint_id={endpoint_id}"
        failed = await shows(person, missed, "answered 500")
        await shows(person, page, "Nothing is delivered here")
        receiver.answer = reply(200)
        enabled = await press(person, page, f"{page}/enable")

        ask = await person.get(link_in(failed.text, "Retry all that this shows"))
        filters = form_in(ask.text, "/webhook-retry")
        under_way = await person.post("/webhook-retry", data=filters)
        task = link_in(under_way.text, "Follow its progress")

        assert "Enabled." in text_of(enabled.text)
        assert "1 sendout matches." in text_of(ask.text)
        await shows(person, task, "sent again")
        await shows(person, missed, "2 attempts")
        await shows(person, f"{missed}&status=SENT", "voucher.created")
