"""The Exports pages, as the server makes them."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from daybook.runtime.mongo import Document
from daybook.storage.exports import text_part
from daybook.storage.sendouts import SENDOUT_INDEXES
from daybook.testing.pages import form_in, link_in, text_of
from daybook.testing.stored_exports import store_export
from daybook.testing.stored_logs import stored_log
from daybook.testing.stored_sendouts import stored_attempt, stored_sendout
from daybook.testing.stored_tasks import stored_task
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from pymongo.asynchronous.database import AsyncDatabase
from query.app import Surroundings, create_app
from query.exports.browsing.slices import Row, Slice
from query.pages.browsing_views import searched
from query.settings import QuerySettings

Database = AsyncDatabase[Document]
Store = Callable[..., Awaitable[Document]]
MINUTE = timedelta(minutes=1)
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
TYPES = {"id": "text", "n": "integer", "request_body": "text"}


@pytest.fixture
def settings(tmp_path: Path) -> QuerySettings:
    return QuerySettings(
        session_secret=SecretStr("a secret of enough letters"),
        storage_url=str(tmp_path / "objects"),
        browse_cache=tmp_path / "cache",
        # What goes by is the stopwatch of the test: time is over when it says so.
        browse_budget=timedelta(seconds=30),
    )


@pytest.fixture
def app(database: Database, settings: QuerySettings, time: Any) -> FastAPI:
    # No exporter is there, so nobody has to be waited for.
    surroundings = Surroundings(
        clock=time.clock, stopwatch=time.stopwatch, patience=timedelta(milliseconds=50)
    )
    return create_app(
        settings, database, registry=CollectorRegistry(), surroundings=surroundings
    )


@pytest.fixture
def stored(database: Database, tmp_path: Path, now: datetime) -> Store:
    """Stores an export with these rows, done unless the fields say otherwise."""

    async def store(
        export_id: str, rows: Sequence[Document] = (), **fields: Any
    ) -> Document:
        values: Document = {"finished_at": now, "id": export_id, **fields}
        export = store_export(tmp_path / "objects", TYPES, [rows], **values)
        await database["exports"].insert_one(export)
        return export

    return store


def row(name: str, n: int | None = None, body: str | None = None) -> Document:
    return {"id": name, "n": n, "request_body": body}


def first_ids(page: httpx.Response) -> list[str]:
    return re.findall(r'<td class="what"><a href="/exports/([^"?#]*)', page.text)


def cells(page: httpx.Response) -> list[list[str]]:
    lines = re.findall(r"<tr><th scope=\"row\".*?</tr>", page.text, re.S)
    return [
        [
            unescape(re.sub(r"<[^>]*>", "", cell)).strip()
            for cell in re.findall(r"<td.*?</td>", line, re.S)
        ]
        for line in lines
    ]


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
    await stored("c", [row("x")], created_at=now - 2 * MINUTE)
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
    await stored("exp_1", [row("x")], parameters=parameters, request_id="req-1")

    page = await signed_in.get("/exports/exp_1")
    said = text_of(page.text)

    assert "The logs that meet any of these: Status is FAILURE User email " in said
    assert f"contains one of {EVIL}, b" in said
    assert "<script>alert" not in page.text
    assert "Columns 2, oldest first id status" in said
    assert link_in(page.text, "Browse data") == "/exports/exp_1/rows"
    assert link_in(page.text, "Its background task") == "/tasks/exp_1"
    assert link_in(page.text, "Log of the request") == "/logs?request_id=req-1"


@pytest.mark.parametrize("path", ["", "/rows", "/rows/1", "/delete", "/file"])
async def test_another_projects_export_is_not_there(
    signed_in: httpx.AsyncClient, stored: Store, path: str
) -> None:
    await stored("exp_1", [row("secret")], project_id="bank")

    page = await signed_in.get(f"/exports/exp_1{path}")

    assert page.status_code == 404
    assert "secret" not in page.text


@pytest.mark.parametrize("path", ["cancel", "again", "delete"])
async def test_nothing_is_done_to_another_projects_export(
    signed_in: httpx.AsyncClient, stored: Store, database: Database, path: str
) -> None:
    await stored("exp_1", project_id="bank", status="SCHEDULED")
    form = {
        "form": form_in((await signed_in.get("/exports")).text, "/sign-out")["form"]
    }

    answer = await signed_in.post(f"/exports/exp_1/{path}", data=form)

    assert answer.status_code == 404
    assert await database["commands"].count_documents({}) == 0
    assert await database["exports"].count_documents({}) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/exports/exp_1/cancel",
        "/exports/exp_1/again",
        "/exports/exp_1/delete",
        "/new-export/api_log",
    ],
)
async def test_what_no_page_of_ours_sent_changes_nothing(
    signed_in: httpx.AsyncClient, stored: Store, database: Database, path: str
) -> None:
    await stored("exp_1", status="SCHEDULED")
    fields = {"filters": "{}", "column-id": "on"}

    forged = await signed_in.post(path, data={**fields, "form": "forged"})
    missing = await signed_in.post(path, data=fields)
    signed_in.cookies.clear()
    signed_out = await signed_in.post(path, data=fields)

    assert (forged.status_code, missing.status_code) == (403, 403)
    assert "nothing was done" in forged.text
    assert signed_out.headers["location"].startswith("/sign-in?next=%2F")
    assert await database["commands"].count_documents({}) == 0
    assert await database["exports"].count_documents({}) == 1


async def press(signed_in: httpx.AsyncClient, page: str, action: str) -> httpx.Response:
    """Send the form of the page and follow where it leads."""
    shown = await signed_in.get(page)
    sent = await signed_in.post(action, data=form_in(shown.text, action))
    assert sent.status_code == 303, sent.text
    return await signed_in.get(sent.headers["location"])


async def test_a_cancel_is_stored_and_answered_in_words(
    signed_in: httpx.AsyncClient, stored: Store, database: Database
) -> None:
    await stored("exp_1", status="IN_PROGRESS")

    page = await press(signed_in, "/exports/exp_1", "/exports/exp_1/cancel")
    command = await database["commands"].find_one({})
    await database["commands"].update_one({}, {"$set": {"status": "DONE"}})
    done = await signed_in.get(str(page.url))

    assert command is not None
    assert (command["kind"], command["parameters"]) == (
        "export.cancel",
        {"export_id": "exp_1"},
    )
    assert "the exporter has not come to it yet" in text_of(page.text)
    assert "Cancelled: it is run no further" in text_of(done.text)


async def test_a_cancel_that_comes_too_late_says_so(
    signed_in: httpx.AsyncClient, stored: Store, database: Database
) -> None:
    await stored("exp_1", status="IN_PROGRESS")
    shown = await signed_in.get("/exports/exp_1")
    await database["exports"].update_one({}, {"$set": {"status": "DONE"}})

    form = form_in(shown.text, "/exports/exp_1/cancel")
    sent = await signed_in.post("/exports/exp_1/cancel", data=form)
    page = await signed_in.get(sent.headers["location"])

    assert "It had ended before" in text_of(page.text)
    assert await database["commands"].count_documents({}) == 0


async def test_what_is_deleted_is_asked_about_first_and_gone_at_once(
    signed_in: httpx.AsyncClient, stored: Store
) -> None:
    await stored("exp_1", [row("x")])
    ask = link_in((await signed_in.get("/exports/exp_1")).text, "Delete")

    page = await press(signed_in, ask, "/exports/exp_1/delete")

    assert "Deleted: nobody finds it any more" in text_of(page.text)
    assert first_ids(page) == []
    assert (await signed_in.get("/exports/exp_1")).status_code == 404


async def test_run_again_makes_a_new_one_of_the_same(
    signed_in: httpx.AsyncClient, stored: Store, database: Database
) -> None:
    before = await stored("exp_1", status="ERROR", error={"message": "x"})

    page = await press(signed_in, "/exports/exp_1", "/exports/exp_1/again")
    made = await database["exports"].find_one({"status": "SCHEDULED"})

    assert made is not None
    assert made["parameters"] == before["parameters"]
    assert (made["channel"], made["waiting"]) == ("WEBSITE", True)
    assert "a new export of the same" in text_of(page.text)
    assert page.url.path == f"/exports/{made['id']}"


@pytest.mark.parametrize(
    ("page", "action"),
    [
        ("/new-export/api_log", "/new-export/api_log"),
        ("/exports/exp_1", "/exports/exp_1/again"),
    ],
)
async def test_a_button_that_is_pressed_twice_makes_one_export(
    signed_in: httpx.AsyncClient,
    stored: Store,
    database: Database,
    page: str,
    action: str,
) -> None:
    await stored("exp_1")
    form = form_in((await signed_in.get(page)).text, action)

    twice = await asyncio.gather(
        *(signed_in.post(action, data=form) for _ in range(2)),
    )
    anew = form_in((await signed_in.get(page)).text, action)
    third = await signed_in.post(action, data=anew)

    first, second = (sent.headers["location"] for sent in twice)
    assert first == second != third.headers["location"]
    assert await database["exports"].count_documents({"id": {"$ne": "exp_1"}}) == 2


async def test_who_is_signed_in_is_who_asked(
    signed_in: httpx.AsyncClient, database: Database
) -> None:
    page = "/new-export/api_log"

    await press(signed_in, page, page)

    made = await database["exports"].find_one({})
    key = await database["api_keys"].find_one({})
    assert made is not None
    assert key is not None
    assert (made["channel"], made["user_id"]) == ("WEBSITE", key["_id"])


async def test_the_file_is_downloaded_by_who_is_signed_in(
    signed_in: httpx.AsyncClient, stored: Store, tmp_path: Path, time: Any
) -> None:
    soon = time.now + timedelta(hours=1)
    export = await stored("exp_1", [row("x")], expires_at=soon)
    path = tmp_path / "objects" / text_part(export, export["parts"][0])
    path.write_bytes(b"x" * export["parts"][0]["bytes"])

    href = link_in((await signed_in.get("/exports/exp_1")).text, "Download")
    file = await signed_in.get(href)
    time.pass_by(timedelta(hours=1))
    expired = await signed_in.get("/exports/exp_1")
    gone = await signed_in.get(href)
    signed_in.cookies.clear()
    signed_out = await signed_in.get(href)

    assert file.content == path.read_bytes()
    assert "attachment" in file.headers["content-disposition"]
    assert "The file was removed 90 days" in text_of(expired.text)
    assert ">Download<" not in expired.text
    assert gone.status_code == 410
    assert signed_out.headers["location"] == "/sign-in?next=%2Fexports%2Fexp_1"


@pytest.mark.parametrize(
    ("url", "href"),
    [
        ("https://crm.example/f.csv", 'href="https://crm.example/f.csv"'),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
    ],
)
async def test_a_file_of_another_service_opens_at_its_address_if_that_is_one(
    signed_in: httpx.AsyncClient, stored: Store, url: str, href: str
) -> None:
    told = orjson.dumps({"n": EVIL}).decode()
    await stored("exp_1", recorded={"url": url}, parameters={"recorded": told})

    page = await signed_in.get("/exports/exp_1")

    assert "Another service of the platform made this file" in text_of(page.text)
    assert (
        ">Open the file<" in page.text if href else ">Open the file<" not in page.text
    )
    assert href in page.text
    assert f'href="{url}"' not in page.text or href
    assert "/again" not in page.text


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


async def test_rows_are_paged_sorted_and_searched(
    signed_in: httpx.AsyncClient, stored: Store
) -> None:
    await stored("exp_1", [row(f"Log {n:02}", n) for n in range(60)])

    first = await signed_in.get("/exports/exp_1/rows")
    second = await signed_in.get(link_in(first.text, "Next"))
    ascending = await signed_in.get(link_in(first.text, "n"))
    descending = await signed_in.get(link_in(ascending.text, "n"))
    found = await signed_in.get("/exports/exp_1/rows?q=lOG%200&sort=-n")

    assert "60 rows" in text_of(first.text)
    assert (len(cells(first)), len(cells(second))) == (50, 10)
    assert cells(second)[0][0] == "Log 50"
    assert link_in(second.text, "First") == "/exports/exp_1/rows"
    assert 'aria-sort="ascending"' in ascending.text
    assert 'aria-sort="descending"' in descending.text
    assert cells(descending)[0][:2] == ["Log 59", "59"]
    assert [line[1] for line in cells(found)] == [str(n) for n in range(9, -1, -1)]


async def test_a_body_is_opened_as_json_with_every_digit_that_it_has(
    signed_in: httpx.AsyncClient, stored: Store
) -> None:
    body = '{"n":12345678901234567890.10,"n":1,"t":"' + "x" * 3000 + '"}'
    await stored("exp_1", [row("a", None, body), row("b", None, "plain")])

    page = await signed_in.get("/exports/exp_1/rows?sort=id")
    href = link_in(page.text, "Open as JSON")
    whole = await signed_in.get(href)

    assert page.text.count("Open as JSON") == 1
    assert "x" * 200 not in page.text
    assert href == "/exports/exp_1/rows/1?sort=id#request_body"
    assert '"n": 12345678901234567890.10,\n  "n": 1,' in unescape(whole.text)
    assert body in unescape(whole.text)
    assert link_in(whole.text, "Back to the rows") == "/exports/exp_1/rows?sort=id"


async def test_what_strangers_exported_is_text(
    signed_in: httpx.AsyncClient, stored: Store
) -> None:
    await stored("exp_1", [row(EVIL, None, f'{{"a":"{EVIL}"')])

    page = await signed_in.get("/exports/exp_1/rows", params={"q": EVIL})
    whole = await signed_in.get("/exports/exp_1/rows/1")

    assert cells(page)[0][0] == EVIL
    for one in (page, whole):
        assert EVIL in unescape(one.text)
        assert "<script>alert" not in one.text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sort=nope", "sort: use one of id, n, request_body"),
        ("q=" + "x" * 5000, "q: give at most 4096 characters"),
        ("cursor=made-up", "cursor:"),
        ("sort=id%3B%20DROP%20TABLE%20best", "sort: use one of"),
    ],
)
async def test_what_cannot_be_asked_of_rows_says_what_to_do(
    signed_in: httpx.AsyncClient, stored: Store, query: str, said: str
) -> None:
    await stored("exp_1", [row("a")])

    page = await signed_in.get(f"/exports/exp_1/rows?{query}")

    assert page.status_code == 400
    assert said in text_of(page.text)


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"status": "IN_PROGRESS"}, 409, "Not ready yet"),
        ({"status": "ERROR"}, 409, "Nothing to browse"),
        ({"recorded": {"url": "https://x.example"}}, 409, "Nothing to browse"),
        ({"expires_at": datetime(2026, 1, 1, tzinfo=UTC)}, 410, "has expired"),
    ],
)
async def test_what_cannot_be_browsed_says_so_and_leads_to_the_export(
    signed_in: httpx.AsyncClient,
    stored: Store,
    fields: Document,
    status: int,
    said: str,
) -> None:
    await stored("exp_1", [row("a")], **fields)

    for path in ("rows", "rows/1"):
        page = await signed_in.get(f"/exports/exp_1/{path}")
        assert page.status_code == status
        assert said in text_of(page.text)
        assert link_in(page.text, "Go to the export") == "/exports/exp_1"


async def test_files_that_somebody_removed_are_said_to_be_gone(
    signed_in: httpx.AsyncClient, stored: Store, tmp_path: Path
) -> None:
    await stored("exp_1", [row("a")])
    for file in (tmp_path / "objects").rglob("*.parquet"):
        file.unlink()

    page = await signed_in.get("/exports/exp_1/rows")

    assert page.status_code == 410
    assert "The files are not there" in text_of(page.text)


@pytest.mark.parametrize("number", ["0", "2", "x", "9" * 40])
async def test_a_row_that_is_not_there_says_so(
    signed_in: httpx.AsyncClient, stored: Store, number: str
) -> None:
    await stored("exp_1", [row("a")])

    page = await signed_in.get(f"/exports/exp_1/rows/{number}")

    assert page.status_code == 404
    assert "No such row" in text_of(page.text)


def test_a_search_that_ran_out_of_time_says_how_far_it_got() -> None:
    found = Slice((), (), 1_000_000, "cursor", 250_000)
    some = Slice((), (Row(1, ()),), 1_000_000, "cursor", 250_000)

    assert searched(found, sorts=False) == (
        "Searched 250,000 of 1,000,000 rows, with no match so far."
    )
    assert searched(some, sorts=False) == "Searched 250,000 of 1,000,000 rows."
    assert "Sorted 250,000 of 1,000,000 rows so far" in (
        searched(found, sorts=True) or ""
    )
