"""Logs and tasks that name an import file: found by it, and offering it."""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from daybook.testing.stored_logs import stored_log
from daybook.testing.stored_tasks import stored_task
from pydantic import SecretStr
from query.settings import QuerySettings

CSV = b"code\r\nA1\r\n" + bytes(range(256)) * 100
MakeKey = Callable[..., Awaitable[str]]
StoreLogs = Callable[..., Awaitable[None]]
OFFER = re.compile(r'href="([^"]*)"[^>]*>Download import file')


@pytest.fixture
def settings(tmp_path: Path) -> QuerySettings:
    return QuerySettings(
        session_secret=SecretStr("a secret of enough letters"),
        storage_url=str(tmp_path / "objects"),
    )


async def upload(client: httpx.AsyncClient, key: str) -> Any:
    answer = await client.post(
        "/v1/import-files",
        files={"file": ("customers.csv", CSV)},
        headers={"authorization": f"Bearer {key}"},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_logs_detail_downloads_its_import_file_byte_for_byte(
    signed_in: httpx.AsyncClient, new_key: MakeKey, store: StoreLogs, now: datetime
) -> None:
    made = await upload(signed_in, await new_key())
    await store(stored_log("a", now, import_file_id=made["id"]))

    page = await signed_in.get("/logs/a")
    offered = OFFER.search(page.text)
    assert offered is not None
    file = await signed_in.get(unescape(offered[1]))

    assert file.content == CSV
    assert "filename*=UTF-8''customers.csv" in file.headers["content-disposition"]
    assert f'href="/logs?import_file_id={made["id"]}"' in page.text


async def test_a_tasks_detail_downloads_its_import_file_byte_for_byte(
    signed_in: httpx.AsyncClient,
    new_key: MakeKey,
    store_tasks: StoreLogs,
    now: datetime,
) -> None:
    made = await upload(signed_in, await new_key())
    await store_tasks(stored_task("a", now, import_file_id=made["id"]))

    page = await signed_in.get("/tasks/a")
    offered = OFFER.search(page.text)
    assert offered is not None
    file = await signed_in.get(unescape(offered[1]))

    assert file.content == CSV


async def test_a_file_that_the_project_has_not_is_only_named(
    signed_in: httpx.AsyncClient, new_key: MakeKey, store: StoreLogs, now: datetime
) -> None:
    foreign = await upload(signed_in, await new_key("other"))
    ids = [foreign["id"], "made-up", "../../etc/passwd", "imf_\0"]
    await store(
        *(stored_log(f"l{n}", now, import_file_id=given) for n, given in enumerate(ids))
    )

    for number, given in enumerate(ids):
        page = await signed_in.get(f"/logs/l{number}")

        assert page.status_code == 200
        assert OFFER.search(page.text) is None
        assert given.replace("\0", "") in re.sub(r"<[^>]*>|␀", "", page.text)


async def test_logs_are_found_by_their_import_file_however_old(
    signed_in: httpx.AsyncClient, new_key: MakeKey, store: StoreLogs, now: datetime
) -> None:
    await store(
        stored_log("old", now - timedelta(days=90), import_file_id="imf_1"),
        stored_log("new", now, import_file_id="imf_1"),
        stored_log("else", now, import_file_id="imf_2"),
    )
    key = {"authorization": f"Bearer {await new_key()}"}

    one = await signed_in.get("/v1/logs?import_file_id=imf_1", headers=key)
    either = await signed_in.get(
        "/v1/logs?import_file_id=imf_1&import_file_id=imf_2", headers=key
    )
    page = await signed_in.get("/logs?import_file_id=imf_1")

    assert [log["id"] for log in one.json()["logs"]] == ["new", "old"]
    assert {log["id"] for log in either.json()["logs"]} == {"new", "old", "else"}
    assert page.text.count('<td class="what">') == 2
