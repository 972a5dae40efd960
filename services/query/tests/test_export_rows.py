"""``/v1/exports/{id}/rows``: what clients see of browsing."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from daybook.runtime.mongo import Document
from daybook.testing.stored_exports import store_export
from pydantic import SecretStr
from pymongo.asynchronous.database import AsyncDatabase
from query.connected import ClientGone, unless_gone
from query.settings import QuerySettings
from starlette.requests import Request

TYPES = {"id": "text", "n": "integer", "request_body": "text", "data": "json"}
BIG = '{"n":123456789012345678901234567890,"n":1.00}'
Store = Callable[..., Awaitable[str]]


@pytest.fixture
def settings(tmp_path: Path) -> QuerySettings:
    return QuerySettings(
        session_secret=SecretStr("a secret of enough letters"),
        storage_url=str(tmp_path / "objects"),
        browse_cache=tmp_path / "cache",
    )


@pytest.fixture
def store_rows(
    database: AsyncDatabase[Document], tmp_path: Path, now: datetime
) -> Store:
    """Stores an export of some rows and returns the address of these."""

    async def store(rows: Sequence[Document], **fields: Any) -> str:
        parts = [rows[start : start + 2] for start in range(0, len(rows), 2)]
        export = store_export(
            tmp_path / "objects", TYPES, parts, finished_at=now, **fields
        )
        await database["exports"].insert_one(export)
        return f"/v1/exports/{export['id']}/rows"

    return store


def row(name: str, n: int | None = None, **fields: Any) -> Document:
    return {"id": name, "n": n, "request_body": None, "data": None, **fields}


async def test_rows_are_a_list_of_the_exported_columns(
    api: httpx.AsyncClient, store_rows: Store
) -> None:
    address = await store_rows([row("a", 2**63 - 1), row("b"), row("c", 1)])

    answer = await api.get(address, params={"limit": 2})

    assert answer.status_code == 200, answer.text
    cursor = answer.json()["next_cursor"]
    assert answer.json() == {
        "object": "list",
        "data_ref": "rows",
        "rows": [row("a", 2**63 - 1), row("b")],
        "has_more": True,
        "next_cursor": cursor,
        "row_numbers": [1, 2],
        "truncated": [[], []],
        "columns": [{"name": name, "type": kind} for name, kind in TYPES.items()],
        "total_rows": 3,
        "searched_rows": None,
    }
    rest = (await api.get(address, params={"limit": 2, "cursor": cursor})).json()
    assert (rest["row_numbers"], rest["has_more"]) == ([3], False)


async def test_search_and_order_are_parameters(
    api: httpx.AsyncClient, store_rows: Store
) -> None:
    address = await store_rows([row(f"Log {n}", n) for n in range(5)] + [row("x", 9)])

    found = (await api.get(address, params={"q": "lOG", "sort": "-n"})).json()

    assert found["row_numbers"] == [5, 4, 3, 2, 1]


async def test_json_goes_out_byte_for_byte(
    api: httpx.AsyncClient, store_rows: Store
) -> None:
    address = await store_rows([row("a", data=BIG), row("b", data="{no json")])

    page = await api.get(address)
    single = await api.get(f"{address}/1")

    assert f'"data":{BIG}' in page.text
    assert f'"data":{BIG}' in single.text
    assert page.json()["rows"][1]["data"] == "{no json"


async def test_long_text_is_cut_in_a_page_and_whole_in_its_row(
    api: httpx.AsyncClient, store_rows: Store
) -> None:
    body, data = "🙂" * 5_000, f'{{"text":"{"x" * 5_000}"}}'
    address = await store_rows([row("a", request_body=body, data=data)])

    page = (await api.get(address)).json()
    single = await api.get(f"{address}/{page['row_numbers'][0]}")

    assert page["truncated"] == [["request_body", "data"]]
    assert page["rows"][0]["request_body"] == "🙂" * 1_000
    assert page["rows"][0]["data"] == data[:1_000]
    assert single.json() == {
        "object": "export_row",
        "number": 1,
        "row": {**row("a", request_body=body), "data": {"text": "x" * 5_000}},
        "columns": page["columns"],
    }


@pytest.mark.parametrize(
    "query",
    [
        {"q": "x" * 10_000},
        {"sort": "nope"},
        {"sort": "id; DROP TABLE best"},
        {"limit": "0"},
        {"limit": "101"},
        {"cursor": "nope"},
        {"filter": "x"},
        [("q", "a"), ("q", "b")],
    ],
)
async def test_a_query_that_cannot_be_read_says_what_to_do(
    api: httpx.AsyncClient, store_rows: Store, query: Any
) -> None:
    address = await store_rows([row("a")])

    answer = await api.get(address, params=query)

    assert answer.status_code == 400
    assert answer.json()["message"]


@pytest.mark.parametrize(
    "q", ["a\0b", "'; DROP TABLE x; --", '"', "\\", "%", "_", "$q", "?", "x'||'y"]
)
async def test_a_hostile_search_finds_itself_and_nothing_else(
    api: httpx.AsyncClient, store_rows: Store, q: str
) -> None:
    address = await store_rows([row("other"), row(f"…{q}…"), row("words")])

    answer = await api.get(address, params={"q": q})

    assert answer.json()["row_numbers"] == [2]


@pytest.mark.parametrize("number", ["0", "2", "-1", "x", "9" * 40, "1.0", "٣"])
async def test_a_row_that_is_not_there_is_a_404(
    api: httpx.AsyncClient, store_rows: Store, number: str
) -> None:
    address = await store_rows([row("a")])

    answer = await api.get(f"{address}/{number}")

    assert (answer.status_code, answer.json()["key"]) == (404, "export_row_not_found")


@pytest.mark.parametrize(
    ("fields", "status", "key"),
    [
        ({"status": "SCHEDULED"}, 409, "export_not_ready"),
        ({"status": "IN_PROGRESS"}, 409, "export_not_ready"),
        ({"status": "ERROR"}, 409, "export_not_browsable"),
        ({"recorded": {"url": "https://x.example"}}, 409, "export_not_browsable"),
        ({"project_id": "other"}, 404, "export_not_found"),
    ],
)
async def test_what_cannot_be_browsed_says_so(
    api: httpx.AsyncClient,
    store_rows: Store,
    fields: Document,
    status: int,
    key: str,
) -> None:
    address = await store_rows([row("a")], **fields)

    for path in (address, f"{address}/1"):
        answer = await api.get(path)
        assert (answer.status_code, answer.json()["key"]) == (status, key)


async def test_after_ninety_days_there_is_nothing_to_browse(
    api: httpx.AsyncClient, store_rows: Store, time: Any
) -> None:
    address = await store_rows([row("a")])

    time.pass_by(timedelta(days=90, seconds=-1))
    last = await api.get(address)
    time.pass_by(timedelta(seconds=1))
    answer = await api.get(address)

    assert last.status_code == 200
    assert (answer.status_code, answer.json()["key"]) == (410, "export_expired")


async def test_without_a_key_nothing_is_shown(
    anyone: httpx.AsyncClient, store_rows: Store
) -> None:
    address = await store_rows([row("a")])

    assert (await anyone.get(address)).status_code == 401
    assert (await anyone.get(f"{address}/1")).status_code == 401


async def test_work_ends_when_its_client_goes_away() -> None:
    gone, ended = asyncio.Event(), asyncio.Event()

    async def receive() -> Document:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def work() -> None:
        try:
            gone.set()
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(ClientGone):
        await unless_gone(Request({"type": "http"}, receive), work())

    assert ended.is_set()
