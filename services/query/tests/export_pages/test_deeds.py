"""What is done by buttons: cancel, delete, run again, download; and by nobody else."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from daybook.runtime.mongo import Document
from daybook.storage.exports import text_part
from daybook.testing.pages import form_in, link_in, press, text_of
from daybook.testing.stored_exports import stored_row
from pymongo.asynchronous.database import AsyncDatabase

Database = AsyncDatabase[Document]
Store = Callable[..., Awaitable[Document]]
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.mark.parametrize("path", ["", "/rows", "/rows/1", "/delete", "/file"])
async def test_another_projects_export_is_not_there(
    signed_in: httpx.AsyncClient, stored: Store, path: str
) -> None:
    await stored("exp_1", [stored_row("secret")], project_id="bank")

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
    await stored("exp_1", [stored_row("x")])
    ask = link_in((await signed_in.get("/exports/exp_1")).text, "Delete")

    page = await press(signed_in, ask, "/exports/exp_1/delete")

    assert "Deleted: nobody finds it any more" in text_of(page.text)
    assert "/exports/exp_1" not in page.text
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
    export = await stored("exp_1", [stored_row("x")], expires_at=soon)
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
