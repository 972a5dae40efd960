import csv
import io
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
from daybook.runtime.mongo import Document
from daybook.testing.stored_tasks import stored_failed_row, stored_task
from pymongo.asynchronous.database import AsyncDatabase

StoreTasks = Callable[..., Awaitable[None]]
ROWS = "/v1/async-actions/a/failed-rows"


@pytest.fixture
async def task(store_tasks: StoreTasks, now: datetime) -> Document:
    task = stored_task("a", now, failed_count=5)
    await store_tasks(task)
    return task


@pytest.fixture
def fail(
    database: AsyncDatabase[Document], task: Document
) -> Callable[..., Awaitable[None]]:
    """Stores failed rows of the task: key and entry of each."""

    async def store(**entries: dict[str, Any]) -> None:
        await database["task_failed_rows"].insert_many(
            [stored_failed_row(task, key, **entry) for key, entry in entries.items()]
        )

    return store


async def keys(api: httpx.AsyncClient, **params: Any) -> list[Any]:
    answer = await api.get(ROWS, params=params)
    assert answer.status_code == 200, answer.text
    return [
        row["row"] or row["code"] or row["source_id"]
        for row in answer.json()["failed_rows"]
    ]


async def test_failed_rows_come_by_place_with_every_name(
    api: httpx.AsyncClient, fail: Callable[..., Awaitable[None]]
) -> None:
    await fail(
        c={"code": "C"},
        b={"row": 10, "source_id": "s"},
        a={"row": 9, "code": "A", "reason": "no such voucher"},
    )

    answer = await api.get(ROWS)

    nothing = {"source_id": None, "code": None, "reason": None, "row": None}
    row = {"object": "failed_row", **nothing}
    assert answer.json() == {
        "object": "list",
        "data_ref": "failed_rows",
        "failed_rows": [
            row | {"row": 9, "code": "A", "reason": "no such voucher"},
            row | {"row": 10, "source_id": "s"},
            row | {"code": "C"},
        ],
        "has_more": False,
        "next_cursor": None,
    }


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("", ["1", "2", "3"]),
        ("GONE", ["1"]),
        ("straSSe", ["2"]),
        ("x-", ["1", "3"]),
        (".*", []),
        ("1", ["1"]),
    ],
)
async def test_text_is_found_in_code_source_id_and_reason_whatever_its_case(
    api: httpx.AsyncClient,
    fail: Callable[..., Awaitable[None]],
    q: str,
    found: list[str],
) -> None:
    await fail(
        a={"row": 1, "code": "X-1", "reason": "gone"},
        b={"row": 2, "reason": "STRAßE"},
        c={"row": 3, "source_id": "x-3"},
    )

    assert [str(key) for key in await keys(api, q=q)] == found


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_pages_hold_every_row_once_also_of_those_without_a_number(
    api: httpx.AsyncClient, fail: Callable[..., Awaitable[None]], limit: int
) -> None:
    await fail(
        **{f"r{n}": {"row": n, "reason": "bad"} for n in range(1, 4)},
        **{f"k{n}": {"code": f"C{n}", "reason": "bad"} for n in range(3)},
        good={"code": "D", "reason": "other"},
    )

    seen: list[Any] = []
    params: dict[str, Any] = {"q": "BAD", "limit": limit}
    while True:
        page = (await api.get(ROWS, params=params)).json()
        seen += [row["row"] or row["code"] for row in page["failed_rows"]]
        if not page["has_more"]:
            break
        params["cursor"] = page["next_cursor"]

    assert seen == [1, 2, 3, "C0", "C1", "C2"]


async def test_the_csv_holds_all_rows_and_no_formula(
    api: httpx.AsyncClient, fail: Callable[..., Awaitable[None]]
) -> None:
    await fail(
        a={"row": -1, "code": "=1+1", "reason": 'a "quote", and\r\na line'},
        b={"row": 2, "code": "+1", "source_id": "-1", "reason": "@x"},
        c={"row": 3, "code": "\tx", "source_id": "\rx", "reason": "Zoë 😀 = fine"},
        d={"code": "D"},
    )

    answer = await api.get(ROWS, params={"format": "csv"})

    assert answer.headers["content-type"].startswith("text/csv; charset=utf-8")
    assert answer.headers["content-disposition"].startswith(
        'attachment; filename="failed-rows-a.csv"'
    )
    assert answer.content.startswith(b"row,code,source_id,reason\r\n-1,'=1+1,,")
    text = io.StringIO(answer.content.decode(), newline="")
    assert list(csv.reader(text))[1:] == [
        ["-1", "'=1+1", "", 'a "quote", and\r\na line'],
        ["2", "'+1", "'-1", "'@x"],
        ["3", "'\tx", "'\rx", "Zoë 😀 = fine"],
        ["", "D", "", ""],
    ]


async def test_the_csv_holds_what_was_searched_for_alone(
    api: httpx.AsyncClient, fail: Callable[..., Awaitable[None]]
) -> None:
    await fail(a={"row": 1, "reason": "Bad"}, b={"row": 2, "reason": "worse"})

    answer = await api.get(ROWS, params={"format": "csv", "q": "bad"})

    assert answer.text == "row,code,source_id,reason\r\n1,,,Bad\r\n"


async def test_the_file_has_a_name_whatever_is_in_the_tasks_id(
    api: httpx.AsyncClient, store_tasks: StoreTasks, now: datetime
) -> None:
    await store_tasks(stored_task('ü/"\tx', now))

    answer = await api.get("/v1/async-actions/%C3%BC%2F%22%09x/failed-rows?format=csv")

    assert answer.headers["content-disposition"] == (
        'attachment; filename="failed-rows-____x.csv"; '
        "filename*=UTF-8''failed-rows-%C3%BC%2F%22%09x.csv"
    )
