"""The pages of webhook endpoints, as the server makes them."""

import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from daybook.runtime.mongo import Document
from daybook.storage.sendouts import SENDOUT_INDEXES
from daybook.testing.pages import form_in, text_of
from daybook.testing.stored_sendouts import stored_attempt, stored_sendout
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from pymongo.asynchronous.database import AsyncDatabase
from query.app import Surroundings, create_app
from query.settings import QuerySettings

Make = Callable[..., Awaitable[str]]
PAGE = "/webhook-endpoints"
URL = "https://example.com/hook"
EVIL = "\"'><script>alert(1)</script>"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def settings() -> QuerySettings:
    return QuerySettings(
        session_secret=SecretStr("a secret of enough letters"),
        sealing_keys=SecretStr("k:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
    )


@pytest.fixture
async def app(
    database: AsyncDatabase[Document], settings: QuerySettings, time: Any
) -> FastAPI:
    await database["sendouts"].create_indexes(list(SENDOUT_INDEXES))
    # No dispatcher is there, so nobody has to be waited for.
    surroundings = Surroundings(
        clock=time.clock, stopwatch=time.stopwatch, patience=timedelta(milliseconds=50)
    )
    return create_app(
        settings, database, registry=CollectorRegistry(), surroundings=surroundings
    )


async def send(
    client: httpx.AsyncClient, path: str, action: str, **typed: str
) -> httpx.Response:
    """Fill in one form of a page and send it."""
    page = await client.get(path)
    return await client.post(action, data=form_in(page.text, action) | typed)


@pytest.fixture
def make(signed_in: httpx.AsyncClient, database: AsyncDatabase[Document]) -> Make:
    """Makes an endpoint by its form; its id."""

    async def make(**typed: str) -> str:
        answer = await send(signed_in, f"{PAGE}/new", PAGE, **{"url": URL, **typed})
        assert answer.status_code == 200, text_of(answer.text)
        found = re.search(r'href="/webhook-endpoints/(we_[^"]*)"', answer.text)
        assert found is not None
        return found[1]

    return make


async def stored(database: AsyncDatabase[Document], endpoint_id: str) -> Document:
    found = await database["webhook_endpoints"].find_one({"id": endpoint_id})
    assert found is not None
    return found


async def test_an_empty_list_says_what_an_endpoint_is_and_how_to_make_one(
    signed_in: httpx.AsyncClient,
) -> None:
    page = await signed_in.get(PAGE)

    assert page.status_code == 200
    assert "No endpoints yet" in page.text
    assert 'href="/webhook-endpoints/new"' in page.text


async def test_an_endpoint_is_made_by_its_form_and_its_secret_shows_this_once(
    signed_in: httpx.AsyncClient, database: AsyncDatabase[Document]
) -> None:
    answer = await send(
        signed_in,
        f"{PAGE}/new",
        PAGE,
        url=f" {URL} ",
        event_types="voucher.*\r\norder.paid\r\n",
        headers="X-Api-Key: s3cret:with colon\r\n",
        rate_limit_per_second="2.5",
        retry_schedule_s="60, 60 120",
    )
    secret = re.findall(r"whsec_[A-Za-z0-9+/=]+", answer.text)
    endpoint = await database["webhook_endpoints"].find_one({"url": URL})
    assert endpoint is not None
    page = await signed_in.get(f"{PAGE}/{endpoint['id']}")
    edit = await signed_in.get(f"{PAGE}/{endpoint['id']}/edit")

    assert len(secret) == 1
    assert answer.headers["cache-control"] == "no-store"
    assert endpoint["event_types"] == ["voucher.*", "order.paid"]
    assert endpoint["retry_schedule_s"] == [60, 60, 120]
    assert endpoint["rate_limit_per_second"] == 2.5
    assert endpoint["active"] is True
    for later in (page, edit):
        assert "whsec_" not in later.text
        assert "s3cret" not in later.text
        assert "X-Api-Key: ••••" in text_of(later.text) or "••••" in later.text


async def test_an_endpoint_that_signs_by_ed25519_shows_its_public_key(
    signed_in: httpx.AsyncClient, make: Make
) -> None:
    endpoint_id = await make(signature="v1a")

    page = await signed_in.get(f"{PAGE}/{endpoint_id}")

    assert "whpk_" in page.text
    assert "whsk_" not in page.text


async def test_what_cannot_be_used_is_said_beside_its_field_and_nothing_is_lost(
    signed_in: httpx.AsyncClient, database: AsyncDatabase[Document]
) -> None:
    answer = await send(
        signed_in,
        f"{PAGE}/new",
        PAGE,
        url="http://localhost/hook",
        description=EVIL,
        max_in_flight="many",
        retry_schedule_s="60 soon",
    )
    headers = await send(
        signed_in, f"{PAGE}/new", PAGE, url=URL, headers="no colon here"
    )

    assert answer.status_code == 400
    assert "URL: the URL has to start with https://" in text_of(answer.text)
    assert "Attempts at once: use a whole number" in text_of(answer.text)
    assert "Retries: use a list of at most" in text_of(answer.text)
    assert form_in(answer.text, PAGE)["description"] == EVIL
    assert form_in(answer.text, PAGE)["max_in_flight"] == "many"
    assert "<script>" not in answer.text
    assert "write each as Name: value" in text_of(headers.text)
    assert await database["webhook_endpoints"].count_documents({"url": URL}) == 0


async def test_an_edit_keeps_masked_headers_and_changes_the_rest(
    signed_in: httpx.AsyncClient, make: Make, database: AsyncDatabase[Document]
) -> None:
    endpoint_id = await make(headers="X-Api-Key: s3cret")
    before = await stored(database, endpoint_id)
    page = f"{PAGE}/{endpoint_id}"

    form = form_in((await signed_in.get(f"{page}/edit")).text, f"{page}/edit")
    del form["active"]  # as a browser sends it: a box that is not ticked is not there
    answer = await signed_in.post(f"{page}/edit", data=form | {"timeout_ms": "500"})
    after = await stored(database, endpoint_id)

    assert answer.headers["location"] == page
    assert after["timeout_ms"] == 500
    assert after["active"] is False
    assert after["headers"] == before["headers"]
    assert "It is switched off" in text_of((await signed_in.get(page)).text)


async def test_a_new_secret_shows_once_and_a_reload_of_its_page_makes_no_other(
    signed_in: httpx.AsyncClient,
    make: Make,
    database: AsyncDatabase[Document],
    time: Any,
) -> None:
    endpoint_id = await make()
    page = f"{PAGE}/{endpoint_id}"
    form = form_in((await signed_in.get(page)).text, f"{page}/rotate-secret")
    time.pass_by(MINUTE)

    first = await signed_in.post(f"{page}/rotate-secret", data=form)
    again = await signed_in.post(f"{page}/rotate-secret", data=form)
    secrets = (await stored(database, endpoint_id))["secrets"]

    assert "whsec_" in first.text
    assert again.status_code == 400
    assert "whsec_" not in again.text
    assert "no secret was made" in text_of(again.text)
    assert len(secrets) == 2
    assert secrets[1]["expires_at"] == time.now + timedelta(days=1)


async def test_a_disabled_endpoint_says_so_first_and_why(
    signed_in: httpx.AsyncClient,
    make: Make,
    database: AsyncDatabase[Document],
    now: Any,
) -> None:
    endpoint_id = await make()
    reason = "answered 410 Gone"
    await database["endpoint_health"].insert_one(
        {"_id": f"shop/{endpoint_id}", "disabled": {"at": now, "reason": reason}}
    )

    listed = text_of((await signed_in.get(PAGE)).text)
    page = await signed_in.get(f"{PAGE}/{endpoint_id}")

    assert f"Disabled{reason}" in listed
    assert "Nothing is delivered here" in text_of(page.text)
    assert text_of(page.text).index(reason) < text_of(page.text).index("Last 24 hours")
    assert f'action="{PAGE}/{endpoint_id}/enable"' in page.text
    assert f'action="{PAGE}/{endpoint_id}/disable"' not in page.text


@pytest.mark.parametrize(
    ("deed", "typed", "parameters"),
    [
        ("disable", {"reason": "moving"}, {"reason": "moving"}),
        ("disable", {"reason": ""}, {"reason": "disabled by hand"}),
        ("test", {}, {}),
        ("replay", {"since": "2026-11-24T01:00"}, {"include_sent": False}),
        (
            "replay",
            {"since": "2026-11-24T01:00", "include_sent": "on"},
            {"include_sent": True},
        ),
    ],
)
async def test_each_button_stores_a_command_and_its_page_follows_it(
    signed_in: httpx.AsyncClient,
    make: Make,
    database: AsyncDatabase[Document],
    deed: str,
    typed: dict[str, str],
    parameters: dict[str, Any],
) -> None:
    endpoint_id = await make()
    page = f"{PAGE}/{endpoint_id}"

    answer = await send(signed_in, page, f"{page}/{deed}", **typed)
    command = await database["commands"].find_one({})
    assert command is not None
    following = await signed_in.get(answer.headers["location"])

    assert answer.status_code == 303
    assert command["kind"] == f"endpoint.{deed}"
    assert command["parameters"]["endpoint_id"] == endpoint_id
    assert command["parameters"].items() >= parameters.items()
    assert "It is stored and will be done" in text_of(following.text)


async def test_a_replay_leads_to_its_task_and_says_what_came_of_it(
    signed_in: httpx.AsyncClient, make: Make, database: AsyncDatabase[Document]
) -> None:
    page = f"{PAGE}/{await make()}"
    sent = await send(signed_in, page, f"{page}/replay", since="2026-11-24T01:00")
    under_way = {"task_id": "cmd_1"}
    await database["commands"].update_one({}, {"$set": under_way})
    running = await signed_in.get(sent.headers["location"])
    failed = {"status": "FAILED", "message": "there is no endpoint"}
    await database["commands"].update_one({}, {"$set": failed})

    ended = await signed_in.get(sent.headers["location"])

    assert "It is under way. Follow its progress" in text_of(running.text)
    assert 'href="/tasks/cmd_1"' in running.text
    assert "It could not be done: there is no endpoint." in text_of(ended.text)


async def test_a_replay_without_a_time_is_refused_on_the_page(
    signed_in: httpx.AsyncClient, make: Make, database: AsyncDatabase[Document]
) -> None:
    page = f"{PAGE}/{await make()}"

    answer = await send(signed_in, page, f"{page}/replay", since="")

    assert answer.status_code == 400
    assert "Nothing was done. since: write a time" in text_of(answer.text)
    assert await database["commands"].count_documents({}) == 0


async def test_an_endpoint_is_deleted_after_a_page_that_asks(
    signed_in: httpx.AsyncClient, make: Make, database: AsyncDatabase[Document]
) -> None:
    endpoint_id = await make()
    page = f"{PAGE}/{endpoint_id}"

    ask = await signed_in.get(f"{page}/delete")
    still = await signed_in.get(page)
    answer = await send(signed_in, f"{page}/delete", f"{page}/delete")

    assert "Delete this endpoint?" in ask.text
    assert still.status_code == 200
    assert answer.headers["location"] == PAGE
    assert (await signed_in.get(page)).status_code == 404
    command = await database["commands"].find_one({})
    assert command is not None
    assert command["kind"] == "endpoint.delete"


async def test_the_last_day_is_drawn_by_the_server(
    signed_in: httpx.AsyncClient,
    make: Make,
    database: AsyncDatabase[Document],
    now: Any,
) -> None:
    endpoint_id = await make()
    error = {"kind": "status", "message": "answered 500", "status_code": 500}
    failed = stored_attempt(1, now, status_code=500, duration_ms=900, error=error)
    await database["sendouts"].insert_many(
        [
            stored_sendout(
                f"whs_{n}",
                now - n * 20 * MINUTE,
                stored_attempt(1, now),
                endpoint_id=endpoint_id,
            )
            for n in range(1, 8)
        ]
        + [
            stored_sendout(
                "whs_f", now - MINUTE, failed, status="FAILED", endpoint_id=endpoint_id
            )
        ]
    )

    page = await signed_in.get(f"{PAGE}/{endpoint_id}")
    listed = await signed_in.get(PAGE)
    said = text_of(page.text)

    assert (
        'aria-label="Sendouts by hour: 8 in all, 1 of them not delivered"' in page.text
    )
    assert "Success rate87.5 %" in said
    assert "p95 of durations900 ms" in said
    assert "Sent 7" in said
    assert "Failed 1" in said
    assert "2026-11-24 02:0041" in said  # the hour, its sendouts, what failed
    assert "87.5 %" in text_of(listed.text)


@pytest.mark.parametrize(
    "deed", ["edit", "delete", "enable", "disable", "test", "replay", "rotate-secret"]
)
async def test_what_no_page_of_ours_sent_changes_nothing(
    signed_in: httpx.AsyncClient,
    make: Make,
    database: AsyncDatabase[Document],
    deed: str,
) -> None:
    endpoint_id = await make()
    before = await stored(database, endpoint_id)
    path = f"{PAGE}/{endpoint_id}/{deed}"

    answer = await signed_in.post(path, data={"form": "forged", "url": URL})
    signed_in.cookies.clear()
    signed_out = await signed_in.post(path, data={"url": URL})

    assert answer.status_code == 403
    assert signed_out.headers["location"].startswith("/sign-in?next=%2Fwebhook")
    assert await stored(database, endpoint_id) == before
    assert await database["commands"].count_documents({}) == 0


async def test_an_endpoint_of_another_project_is_not_there(
    signed_in: httpx.AsyncClient, make: Make, database: AsyncDatabase[Document]
) -> None:
    endpoint = await stored(database, await make())
    other = {**endpoint, "_id": "bank/we_bank", "project_id": "bank", "id": "we_bank"}
    await database["webhook_endpoints"].insert_one(other)

    for path in ("", "/edit", "/delete"):
        page = await signed_in.get(f"{PAGE}/we_bank{path}")
        assert page.status_code == 404


async def test_without_a_key_that_seals_the_page_says_what_to_set(
    database: AsyncDatabase[Document], signed_in: httpx.AsyncClient, time: Any
) -> None:
    settings = QuerySettings(session_secret=SecretStr("a secret of enough letters"))
    bare = create_app(
        settings,
        database,
        registry=CollectorRegistry(),
        surroundings=Surroundings(clock=time.clock, stopwatch=time.stopwatch),
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(bare),
        base_url="http://daybook.test",
        cookies=signed_in.cookies,
        headers={"accept": "text/html"},
    ) as client:
        page = await client.get(PAGE)

    assert page.status_code == 503
    assert "DAYBOOK_SEALING_KEYS" in page.text
