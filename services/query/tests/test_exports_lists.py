"""The list of exports: whole by cursors, by filters, in every order."""

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from daybook.exports.parameters import read_parameters
from daybook.runtime.mongo import Document
from daybook.storage.exports import EXPORT_INDEXES, new_export
from pymongo.asynchronous.database import AsyncDatabase

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
Database = AsyncDatabase[Document]
STATUSES = ("DONE", "ERROR", "IN_PROGRESS", "SCHEDULED")
ORDERS = ("created_at", "-created_at", "status", "-status")
COUNT = 60


def export(number: int, project_id: str = "shop", **fields: Any) -> Document:
    """Some share a millisecond, and ids are in no order of time."""
    body = {
        "exported_object": ("api_log", "async_action", "webhook_sendout")[number % 3],
        "response_format": ("CSV", "NDJSON", "PARQUET", "CSV")[number % 4],
    }
    at = NOW - timedelta(minutes=number // 4)
    made = new_export(
        project_id,
        f"exp_{number * 37 % 101:03}",
        read_parameters(body),
        ("API", "WEBSITE")[number % 2],
        ("u1", None, "u2")[number % 3],
        at,
        None,
    )
    return made | {"status": STATUSES[number % 7 % 4], "finished_at": at, **fields}


@pytest.fixture
async def stored(database: Database) -> list[Document]:
    """The exports of the project, in no order."""
    shown = [export(number) for number in range(COUNT)]
    others = [
        export(70, "other"),
        export(71, deleted_at=NOW),
    ]
    random.Random(1).shuffle(shown)
    await database["exports"].create_indexes(list(EXPORT_INDEXES))
    await database["exports"].insert_many([*shown, *others])
    return shown


async def get(api: httpx.AsyncClient, **params: Any) -> dict[str, Any]:
    answer = await api.get("/v1/exports", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def all_by_cursor(api: httpx.AsyncClient, **params: Any) -> list[str]:
    found: list[str] = []
    cursor: Mapping[str, str] = {}
    while True:
        page = await get(api, **params, **cursor)
        found += [one["id"] for one in page["exports"]]
        assert page["has_more"] is (page["next_cursor"] is not None)
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


def in_order(exports: list[Document], order: str) -> list[str]:
    newest = sorted(
        exports, key=lambda one: (one["created_at"], one["_id"]), reverse=True
    )
    if order == "created_at":
        newest.reverse()
    elif order.endswith("status"):
        newest.sort(key=lambda one: one["status"], reverse=order == "-status")
    return [one["id"] for one in newest]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("limit", [1, 7, 60])
async def test_cursors_and_pages_lead_through_all_of_it_in_order(
    api: httpx.AsyncClient, stored: list[Document], order: str, limit: int
) -> None:
    wanted = in_order(stored, order)

    by_cursor = await all_by_cursor(api, order=order, limit=limit)
    pages = [
        await get(api, order=order, limit=limit, page=page)
        for page in range(1, min(COUNT // limit, 12) + 1)
    ]

    by_page = [one["id"] for page in pages for one in page["exports"]]
    assert by_cursor == wanted
    assert by_page == wanted[: len(by_page)]
    assert {page["total"] for page in pages} == {COUNT}


FILTERS: list[tuple[dict[str, Any], Callable[[Document], bool]]] = [
    ({"status": "DONE"}, lambda one: one["status"] == "DONE"),
    (
        {"status": ["DONE", "SCHEDULED"]},
        lambda one: one["status"] in ("DONE", "SCHEDULED"),
    ),
    (
        {"exported_object": "async_action"},
        lambda one: one["exported_object"] == "async_action",
    ),
    (
        {"response_format": "NDJSON", "channel": "WEBSITE"},
        lambda one: (
            one["parameters"]["response_format"] == "NDJSON"
            and one["channel"] == "WEBSITE"
        ),
    ),
    ({"user_id": "u1"}, lambda one: one.get("user_id") == "u1"),
    ({"user_id": "nobody"}, lambda one: False),
    (
        {
            "created_at[after]": "2026-11-24T02:50:00Z",
            "created_at[before]": "2026-11-24T02:55:00Z",
        },
        lambda one: (
            NOW - timedelta(minutes=10)
            <= one["created_at"]
            < NOW - timedelta(minutes=5)
        ),
    ),
]


@pytest.mark.parametrize(("params", "meets"), FILTERS)
@pytest.mark.parametrize("order", ORDERS)
async def test_a_filter_finds_what_meets_it_and_nothing_else(
    api: httpx.AsyncClient,
    stored: list[Document],
    params: dict[str, Any],
    meets: Callable[[Document], bool],
    order: str,
) -> None:
    wanted = in_order([one for one in stored if meets(one)], order)

    found = await all_by_cursor(api, **params, order=order, limit=4)

    assert found == wanted
    assert (await get(api, **params))["total"] == len(wanted)


async def test_a_cursor_is_unmoved_by_what_is_made_and_deleted_meanwhile(
    api: httpx.AsyncClient, stored: list[Document], database: Database
) -> None:
    wanted = in_order(stored, "-created_at")
    first = await get(api, limit=10)
    newer = export(90) | {"created_at": NOW + timedelta(seconds=1)}
    await database["exports"].insert_one(newer)
    await api.delete(f"/v1/exports/{wanted[9]}")
    await api.delete(f"/v1/exports/{wanted[12]}")

    second = await get(api, limit=10, cursor=first["next_cursor"])

    expected = [*wanted[10:12], *wanted[13:21]]
    assert [one["id"] for one in second["exports"]] == expected
    assert second["total"] == COUNT - 1


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"limit": "0"}, "from 1 to 100"),
        ({"page": "101"}, "next_cursor goes on"),
        ({"page": "0"}, "from 1 to 100"),
        ({"page": "x"}, "from 1 to 100"),
        ({"order": "rows"}, "-created_at"),
        ({"status": "done"}, "DONE or ERROR"),
        ({"response_format": "XLSX"}, "PARQUET"),
        ({"created_at[after]": "yesterday"}, "RFC 3339"),
        ({"nope": "1"}, "exported_object"),
    ],
)
async def test_a_query_that_cannot_be_read_says_what_to_do(
    api: httpx.AsyncClient, params: dict[str, str], said: str
) -> None:
    answer = await api.get("/v1/exports", params=params)

    assert answer.status_code == 400
    assert answer.json()["key"] == "invalid_query_params"
    assert said in answer.json()["message"]
    assert "page" in answer.json()["details"]


async def test_a_cursor_belongs_to_its_order_and_stands_without_a_page(
    api: httpx.AsyncClient, stored: list[Document]
) -> None:
    cursor = (await get(api, limit=5))["next_cursor"]

    other = await api.get("/v1/exports", params={"cursor": cursor, "order": "status"})
    both = await api.get("/v1/exports", params={"cursor": cursor, "page": 2})
    damaged = await api.get("/v1/exports", params={"cursor": f"x{cursor}"})

    assert [one.status_code for one in (other, both, damaged)] == [400, 400, 400]
    assert other.json()["key"] == damaged.json()["key"] == "invalid_cursor"
    assert "leave it out beside cursor" in both.json()["message"]


@pytest.mark.parametrize("params", [{}, {"status": "DONE"}, {"order": "status"}])
async def test_a_list_of_nothing_is_empty(
    api: httpx.AsyncClient, params: dict[str, str]
) -> None:
    assert await get(api, **params) == {
        "object": "list",
        "data_ref": "exports",
        "exports": [],
        "total": 0,
        "has_more": False,
        "next_cursor": None,
    }
