"""The list of exports and the page of one, as the server makes them."""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import httpx
import pytest
from daybook.runtime.mongo import Document
from daybook.testing.pages import link_in, text_of
from daybook.testing.stored_exports import stored_row
from pymongo.asynchronous.database import AsyncDatabase

Database = AsyncDatabase[Document]
Store = Callable[..., Awaitable[Document]]
MINUTE = timedelta(minutes=1)
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"


def first_ids(page: httpx.Response) -> list[str]:
    return re.findall(r'<td class="what"><a href="/exports/([^"?#]*)', page.text)


async def test_an_empty_list_says_how_the_first_export_is_made(
    signed_in: httpx.AsyncClient,
) -> None:
    page = await signed_in.get("/exports")

    assert page.status_code == 200
    assert "No exports yet" in text_of(page.text)
    assert link_in(page.text, "Export logs") == "/new-export/api_log"
    assert 'href="/exports" aria-current="page"' in page.text


async def test_the_list_tells_how_each_export_is_doing(
    signed_in: httpx.AsyncClient, stored: Store, now: datetime, database: Database
) -> None:
    why = {"message": "the storage is away"}
    counted = {"rows": 250, "expected_rows": 1000, "started_at": now - MINUTE}
    await stored("a", status="SCHEDULED", created_at=now)
    running = await stored("b", status="IN_PROGRESS", created_at=now - MINUTE)
    await stored("c", [stored_row("x")], created_at=now - 2 * MINUTE)
    await stored("d", status="ERROR", error=why, created_at=now - 3 * MINUTE)
    await stored("e", status="ERROR", cancelled=True, created_at=now - 4 * MINUTE)
    await database["exports"].update_one({"_id": running["_id"]}, {"$set": counted})

    page = await signed_in.get("/exports")
    states = re.findall(r'<td class="state">.*?class="word">(.*?)<', page.text, re.S)

    assert first_ids(page) == ["a", "b", "c", "d", "e"]
    assert states == ["Scheduled", "In progress", "Done", "Failed", "Cancelled"]
    said = text_of(page.text)
    assert "25 %" in said
    assert "250 of 1,000 rows about 3 min 0 s left" in said
    assert "1 row" in said
    assert "the storage is away" in said


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=ERROR", ["c"]),
        ("status=ERROR&status=DONE&channel=API", ["c", "b"]),
        ("exported_object=voucher", ["d"]),
        ("response_format=PARQUET", ["a"]),
        ("channel=WEBSITE", ["a"]),
        ("user_id=u1", ["b"]),
        ("created_at[before]=2026-11-24T02:58:00Z", ["d"]),
    ],
)
async def test_each_filter_is_a_parameter_of_the_address(
    signed_in: httpx.AsyncClient,
    stored: Store,
    now: datetime,
    query: str,
    found: list[str],
) -> None:
    parquet: Document = {"fields": [], "filters": {}, "response_format": "PARQUET"}
    parquet["order"] = "created_at"
    await stored("a", channel="WEBSITE", parameters=parquet, created_at=now)
    await stored("c", status="ERROR", created_at=now - MINUTE)
    await stored("b", user_id="u1", created_at=now - 2 * MINUTE)
    await stored(
        "d", exported_object="voucher", channel="crm", created_at=now - 3 * MINUTE
    )

    page = await signed_in.get(f"/exports?{query}")

    assert first_ids(page) == found


async def test_a_filter_that_cannot_be_read_is_said_beside_its_field(
    signed_in: httpx.AsyncClient,
) -> None:
    page = await signed_in.get("/exports?status=LOST&cursor=x")

    assert page.status_code == 400
    assert "Status: use SCHEDULED" in text_of(page.text)


async def test_older_exports_are_a_link_that_keeps_the_filter(
    signed_in: httpx.AsyncClient, stored: Store, now: datetime
) -> None:
    for number in range(53):
        await stored(f"e{number:02}", created_at=now - number * MINUTE)

    first = await signed_in.get("/exports?status=DONE")
    second = await signed_in.get(link_in(first.text, "Older"))

    assert (len(first_ids(first)), first_ids(second)) == (50, ["e50", "e51", "e52"])
    assert link_in(second.text, "Newest") == "/exports?status=DONE"


async def test_a_detail_has_all_that_it_was_made_by_and_leads_on(
    signed_in: httpx.AsyncClient, stored: Store
) -> None:
    parameters = {
        "response_format": "NDJSON",
        "fields": ["id", "status"],
        "order": "created_at",
        "filters": {
            "junction": "or",
            "status": {"conditions": {"$is": ["FAILURE"]}},
            "user_email": {"conditions": {"$contains": [EVIL, "b"]}},
        },
    }
    await stored("exp_1", [stored_row("x")], parameters=parameters, request_id="req-1")

    page = await signed_in.get("/exports/exp_1")
    said = text_of(page.text)

    assert "The logs that meet any of these: Status is FAILURE User email " in said
    assert f"contains one of {EVIL}, b" in said
    assert "<script>alert" not in page.text
    assert "Columns 2, oldest first id status" in said
    assert link_in(page.text, "Browse data") == "/exports/exp_1/rows"
    assert link_in(page.text, "Its background task") == "/tasks/exp_1"
    assert link_in(page.text, "Log of the request") == "/logs?request_id=req-1"
