"""From a list and its filters to an export of what it shows."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from daybook.runtime.mongo import Document
from daybook.storage.sendouts import SENDOUT_INDEXES
from daybook.testing.pages import form_in, link_in, text_of
from daybook.testing.stored_logs import stored_log
from daybook.testing.stored_sendouts import stored_attempt, stored_sendout
from daybook.testing.stored_tasks import stored_task
from pymongo.asynchronous.database import AsyncDatabase

Database = AsyncDatabase[Document]
MINUTE = timedelta(minutes=1)
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"


async def test_a_list_leads_to_an_export_of_what_it_shows(
    signed_in: httpx.AsyncClient,
    database: Database,
    now: datetime,
    time: Any,
) -> None:
    await database["logs"].insert_many(
        [
            *(stored_log(f"l{n}", now - n * MINUTE, status_code=500) for n in range(3)),
            stored_log("fine", now - MINUTE),
            stored_log("old", now - timedelta(days=2), status_code=500),
        ]
    )
    listed = await signed_in.get("/logs?status=FAILURE")
    action = "/new-export/api_log?status=FAILURE"

    ask = await signed_in.get(link_in(listed.text, "Export…"))
    form = form_in(ask.text, action)
    del form["column-url"]
    time.pass_by(timedelta(hours=1))
    picked = {**form, "response_format": "PARQUET", "order": "created_at"}
    sent = await signed_in.post(action, data=picked)
    made = await database["exports"].find_one({})
    page = await signed_in.get(sent.headers["location"])

    assert "3 rows" in text_of(ask.text)
    assert "Status is FAILURE" in text_of(ask.text)
    assert "column-request_body" not in form
    assert (form["response_format"], form["order"]) == ("CSV", "-created_at")
    assert made is not None
    assert made["exported_object"] == "api_log"
    assert made["parameters"]["response_format"] == "PARQUET"
    assert made["parameters"]["order"] == "created_at"
    assert made["parameters"]["filters"] == {
        "junction": "and",
        "status": {"conditions": {"$in": ["FAILURE"]}},
        # The window that was shown, whenever the form is sent.
        "created_at": {
            "conditions": {"$more_than_equal": ["2026-11-23T03:00:00+00:00"]}
        },
    }
    assert "url" not in made["parameters"]["fields"]
    assert "It is asked for" in text_of(page.text)


async def test_of_a_sendouts_filters_its_attempts_have_not_all_and_the_form_says_so(
    signed_in: httpx.AsyncClient, database: Database, now: datetime
) -> None:
    tries = [stored_attempt(n, now, status_code=500) for n in (1, 2)]
    sendout = stored_sendout("whs_1", now - MINUTE, *tries, status="FAILED")
    await database["sendouts"].create_indexes(list(SENDOUT_INDEXES))
    await database["sendouts"].insert_one(sendout)
    listed = await signed_in.get("/webhooks?status=FAILED&attempts[gte]=2")

    ask = await signed_in.get(link_in(listed.text, "Export…"))
    attempts = await signed_in.get(link_in(ask.text, "Webhook attempts"))
    said = text_of(attempts.text)

    assert "1 row" in text_of(ask.text)
    assert "Attempts is at least 2" in text_of(ask.text)
    assert "2 rows" in said
    assert "Status cannot be carried over" in said
    assert "Attempts at least cannot be carried over" in said


async def test_background_tasks_are_exported_from_their_list_too(
    signed_in: httpx.AsyncClient, store_tasks: Any, now: datetime
) -> None:
    await store_tasks(stored_task("a", now, status="FAILED"))
    listed = await signed_in.get("/tasks?status=FAILED&progress[lte]=100")

    ask = await signed_in.get(link_in(listed.text, "Export…"))

    assert "1 row" in text_of(ask.text)
    assert "Progress is at most 100" in text_of(ask.text)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"columns": None}, "Columns: choose one at least"),
        ({"filters": "{no json"}, "Filters: cannot be read"),
        ({"order": "url"}, "parameters.order: use"),
        ({"response_format": EVIL}, "response_format: use CSV"),
        ({"filters": '{"nope": {"conditions": {"$is": 1}}}'}, "is unknown"),
    ],
)
async def test_what_cannot_be_exported_is_said_above_the_form(
    signed_in: httpx.AsyncClient,
    database: Database,
    change: dict[str, str | None],
    said: str,
) -> None:
    ask = await signed_in.get("/new-export/api_log")
    form = form_in(ask.text, "/new-export/api_log")
    if "columns" in change:
        form = {name: one for name, one in form.items() if "column-" not in name}
    form |= {name: value for name, value in change.items() if value is not None}

    answer = await signed_in.post("/new-export/api_log", data=form)

    assert answer.status_code == 400
    assert said in text_of(answer.text)
    assert "<script>alert" not in answer.text
    assert await database["exports"].count_documents({}) == 0


async def test_filters_that_no_list_has_lead_back_to_it(
    signed_in: httpx.AsyncClient,
) -> None:
    answer = await signed_in.get("/new-export/api_log?status_code=4x")
    other = await signed_in.get("/new-export/voucher")

    assert answer.headers["location"] == "/logs?status_code=4x"
    assert other.status_code == 404
