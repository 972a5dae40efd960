"""The Webhooks pages, as the server makes them."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import pytest
from daybook.runtime.mongo import Document
from daybook.storage.sendouts import SENDOUT_INDEXES
from daybook.testing.pages import form_in, link_in, text_of
from daybook.testing.stored_sendouts import stored_attempt, stored_sendout
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from pymongo.asynchronous.database import AsyncDatabase
from query.app import Surroundings, create_app
from query.settings import QuerySettings

Store = Callable[..., Awaitable[None]]
MINUTE = timedelta(minutes=1)
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
TIMEOUT = {"kind": "timeout", "message": "took longer than 10 s", "status_code": None}
ANSWERED = {"kind": "status", "message": "answered 500", "status_code": 500}


@pytest.fixture
def settings() -> QuerySettings:
    return QuerySettings(
        session_secret=SecretStr("a secret of enough letters"),
        sealing_keys=SecretStr("k:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
    )


@pytest.fixture
def app(
    database: AsyncDatabase[Document], settings: QuerySettings, time: Any
) -> FastAPI:
    # No dispatcher is there, so nobody has to be waited for.
    surroundings = Surroundings(
        clock=time.clock, stopwatch=time.stopwatch, patience=timedelta(milliseconds=50)
    )
    return create_app(
        settings, database, registry=CollectorRegistry(), surroundings=surroundings
    )


@pytest.fixture
async def sendouts(database: AsyncDatabase[Document]) -> Store:
    await database["sendouts"].create_indexes(list(SENDOUT_INDEXES))

    async def store(*documents: Document) -> None:
        await database["sendouts"].insert_many(list(documents))

    return store


def titles(page: httpx.Response) -> list[str]:
    cells = re.findall(r'<td class="what">.*?<bdi>(.*?)</bdi>', page.text, re.S)
    return [unescape(cell) for cell in cells]


async def test_an_empty_list_says_how_the_first_webhook_is_published(
    signed_in: httpx.AsyncClient,
) -> None:
    page = await signed_in.get("/webhooks")

    assert page.status_code == 200
    assert 'client.publish_webhook( "voucher.created"' in text_of(page.text)
    assert link_in(page.text, "Make an endpoint") == "/webhook-endpoints/new"


async def test_the_list_shows_the_last_day_with_each_state_in_words(
    signed_in: httpx.AsyncClient, sendouts: Store, now: Any
) -> None:
    failed = stored_attempt(1, now - MINUTE, status_code=None, error=TIMEOUT)
    await sendouts(
        stored_sendout("whs_a", now - 1 * MINUTE, status="SCHEDULED", event_type="a"),
        stored_sendout(
            "whs_b", now - 2 * MINUTE, stored_attempt(1, now), event_type="b"
        ),
        stored_sendout(
            "whs_c", now - 3 * MINUTE, failed, status="RETRYING", event_type="c"
        ),
        stored_sendout(
            "whs_d", now - 4 * MINUTE, failed, status="FAILED", event_type="d"
        ),
        stored_sendout("whs_e", now - 5 * MINUTE, status="HELD", event_type="e"),
        stored_sendout("whs_f", now - timedelta(days=2), event_type="f"),
    )

    page = await signed_in.get("/webhooks")
    states = re.findall(r'<td class="state">.*?class="word">(.*?)<', page.text, re.S)

    assert titles(page) == ["a", "b", "c", "d", "e"]
    assert states == ["Scheduled", "Sent", "Retrying", "Failed", "Held"]
    assert page.text.count("took longer than 10 s") == 2
    assert "https://example.com/hook" in page.text
    assert titles(await signed_in.get("/webhooks?range=7d"))[-1] == "f"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=FAILED", ["order.paid"]),
        ("status=FAILED&status=SENT", ["order.paid", "voucher.created"]),
        ("event_type=voucher.*", ["voucher.deleted", "voucher.created"]),
        ("endpoint_id=we_2", ["voucher.deleted"]),
        ("event_id=event-whs_b", ["order.paid"]),
        ("entity_id=V1", ["voucher.created"]),
        ("group_id=req-1", ["voucher.created"]),
        ("status_code=5xx", ["order.paid"]),
        ("attempts[gte]=2", ["order.paid"]),
        (
            "created_at[before]=2026-11-24T02:58:30Z&status=",
            ["order.paid", "voucher.created"],
        ),
    ],
)
async def test_each_filter_is_a_parameter_of_the_address(
    signed_in: httpx.AsyncClient,
    sendouts: Store,
    now: Any,
    query: str,
    found: list[str],
) -> None:
    bad = stored_attempt(1, now, status_code=500, error=ANSWERED)
    await sendouts(
        stored_sendout(
            "whs_a",
            now - MINUTE,
            event_type="voucher.deleted",
            endpoint_id="we_2",
            status="HELD",
        ),
        stored_sendout(
            "whs_b",
            now - 2 * MINUTE,
            bad,
            {**bad, "attempt": 2},
            status="FAILED",
            event_type="order.paid",
        ),
        stored_sendout(
            "whs_c",
            now - 3 * MINUTE,
            stored_attempt(1, now),
            entity_id="V1",
            group_id="req-1",
        ),
    )

    page = await signed_in.get(f"/webhooks?{query}")

    assert titles(page) == found


async def test_a_filter_that_cannot_be_read_is_said_beside_its_field(
    signed_in: httpx.AsyncClient,
) -> None:
    page = await signed_in.get("/webhooks?status_code=4x&attempts[gte]=many")

    assert page.status_code == 400
    assert "Status code: use a code such as 404" in text_of(page.text)
    assert "Attempts at least: use a whole number" in text_of(page.text)


async def test_older_sendouts_are_a_link_that_keeps_filter_and_period(
    signed_in: httpx.AsyncClient, sendouts: Store, now: Any
) -> None:
    await sendouts(
        *(stored_sendout(f"whs_{n:02}", now - n * MINUTE) for n in range(60))
    )

    first = await signed_in.get("/webhooks?endpoint_id=we_1&range=7d")
    second = await signed_in.get(link_in(first.text, "Older"))

    assert (len(titles(first)), len(titles(second))) == (50, 10)
    assert link_in(second.text, "Newest") == "/webhooks?endpoint_id=we_1&range=7d"


async def test_a_sendout_tells_why_it_failed_and_what_each_attempt_was_answered(
    signed_in: httpx.AsyncClient, sendouts: Store, now: Any
) -> None:
    await sendouts(
        stored_sendout(
            "whs_a",
            now - 3 * MINUTE,
            stored_attempt(
                1,
                now - 2 * MINUTE,
                status_code=500,
                error=ANSWERED,
                request_headers=[["X-Api-Key", "••••"]],
                response_body={"text": EVIL, "encoding": "utf-8", "truncated": True},
            ),
            stored_attempt(
                3,
                now - MINUTE,
                status_code=None,
                duration_ms=10_000,
                error=TIMEOUT,
                response_headers=None,
                response_body=None,
            ),
            status="RETRYING",
            next_attempt_at=now + timedelta(minutes=2, seconds=5),
            group_id="req-1",
            entity_id="V1",
            event_source={"channel": "API", "user": {"email": "mira@shop.example"}},
            payload='{"n": 12345678901234567890.10,"n":1}',
        )
    )

    page = await signed_in.get("/webhooks/whs_a")
    said = text_of(page.text)

    assert page.status_code == 200
    assert "Next attempt in 2 min 5 s" in said
    assert "Retry no. 3 no answer took 10.00 s" in said
    assert "First attempt no. 1 500 took 12 ms" in said
    assert said.index("took longer than 10 s") < said.index("answered 500")
    assert "X-Api-Key" in said
    assert "••••" in said
    assert "the first 16 KiB are kept" in said
    assert EVIL in said
    assert "<script>" not in page.text
    assert '{"n": 12345678901234567890.10,"n":1}' in unescape(page.text)
    assert "mira@shop.example" in said
    assert link_in(page.text, "Log of the request") == "/logs?request_id=req-1"
    assert (
        link_in(page.text, "All sendouts of this event")
        == "/webhooks?event_id=event-whs_a"
    )
    assert link_in(page.text, "Open endpoint") == "/webhook-endpoints/we_1"


async def test_a_sendout_of_another_project_is_not_there(
    signed_in: httpx.AsyncClient, sendouts: Store, now: Any
) -> None:
    await sendouts(stored_sendout("whs_a", now, project_id="bank"))

    page = await signed_in.get("/webhooks/whs_a")

    assert page.status_code == 404
    assert "No such sendout" in page.text


async def test_a_retry_is_stored_before_its_page_says_so(
    signed_in: httpx.AsyncClient,
    sendouts: Store,
    now: Any,
    database: AsyncDatabase[Document],
) -> None:
    await sendouts(stored_sendout("whs_a", now, status="HELD"))
    page = await signed_in.get("/webhooks/whs_a")

    sent = await signed_in.post(
        "/webhooks/whs_a/retry", data=form_in(page.text, "/webhooks/whs_a/retry")
    )
    command = await database["commands"].find_one({})
    assert command is not None
    waiting = await signed_in.get(sent.headers["location"])
    await database["commands"].update_one({}, {"$set": {"status": "DONE"}})
    done = await signed_in.get(sent.headers["location"])

    assert sent.status_code == 303
    assert command["kind"] == "sendout.retry"
    assert command["parameters"] == {"sendout_id": "whs_a"}
    assert "It is stored and will be done" in text_of(waiting.text)
    assert "it is sent again now" in text_of(done.text)


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/whs_a/retry",
        "/webhook-retry",
    ],
)
async def test_what_no_page_of_ours_sent_changes_nothing(
    signed_in: httpx.AsyncClient,
    sendouts: Store,
    now: Any,
    database: AsyncDatabase[Document],
    path: str,
) -> None:
    await sendouts(stored_sendout("whs_a", now, status="FAILED"))

    answer = await signed_in.post(path, data={"filters": "{}", "form": "forged"})
    signed_in.cookies.clear()
    signed_out = await signed_in.post(path, data={"filters": "{}"})

    assert answer.status_code == 403
    assert "nothing was done" in answer.text
    assert signed_out.headers["location"].startswith("/sign-in?next=%2Fwebhook")
    assert await database["commands"].count_documents({}) == 0


async def test_all_that_a_filter_shows_is_counted_first_and_then_retried(
    signed_in: httpx.AsyncClient,
    sendouts: Store,
    now: Any,
    time: Any,
    database: AsyncDatabase[Document],
) -> None:
    await sendouts(
        *(
            stored_sendout(f"whs_{n}", now - n * MINUTE, status="FAILED")
            for n in range(1, 4)
        ),
        stored_sendout("whs_sent", now - MINUTE),
        stored_sendout("whs_old", now - timedelta(days=3), status="FAILED"),
    )
    page = await signed_in.get("/webhooks?event_type=voucher.*&range=24h")

    ask = await signed_in.get(link_in(page.text, "Retry all that this shows"))
    # What fails between the question and the answer was not asked about.
    time.pass_by(MINUTE)
    await sendouts(stored_sendout("whs_new", now + MINUTE, status="FAILED"))
    sent = await signed_in.post(
        "/webhook-retry", data=form_in(ask.text, "/webhook-retry")
    )
    command = await database["commands"].find_one({})

    assert "3 sendouts match." in text_of(ask.text)
    assert "those that failed are retried" in text_of(ask.text)
    assert command is not None
    assert command["kind"] == "sendouts.retry"
    assert command["parameters"]["count"] == 3
    assert command["parameters"]["filter"] == {
        "status": ["FAILED"],
        "event_type": ["voucher.*"],
        "created_at[after]": ["2026-11-23T03:00:00.000Z"],
        "created_at[before]": ["2026-11-24T03:00:00.001Z"],
    }
    await database["commands"].update_one({}, {"$set": {"task_id": command["id"]}})
    following = await signed_in.get(sent.headers["location"])
    assert link_in(following.text, "Follow its progress") == f"/tasks/{command['id']}"


async def test_nothing_to_retry_is_no_button(signed_in: httpx.AsyncClient) -> None:
    ask = await signed_in.get("/webhook-retry?status=FAILED&range=all")

    assert "nothing to retry" in text_of(ask.text)
    assert '<button class="primary"' not in ask.text
