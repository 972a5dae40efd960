"""``dry_run``: how many rows an export would have, before anything is made."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from daybook.exports.parameters import read_parameters
from daybook.runtime.clock import monotonic
from daybook.runtime.mongo import Document
from daybook.storage.sendouts import SENDOUT_INDEXES
from daybook.testing.stored_logs import stored_log
from daybook.testing.stored_sendouts import stored_attempt, stored_sendout
from daybook.testing.stored_tasks import stored_task
from pymongo.asynchronous.database import AsyncDatabase
from query.exports.estimates import Estimate, Estimates

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Database = AsyncDatabase[Document]
Store = Callable[..., Awaitable[None]]


@pytest.fixture(autouse=True)
async def stored(database: Database, store: Store, store_tasks: Store) -> None:
    await store(
        *(
            stored_log(
                str(number),
                NOW - number * MINUTE,
                status_code=500 if number % 5 == 0 else 200,
                user={"id": f"u{number % 3}", "email": "u0@x.example"},
            )
            for number in range(1, 101)
        ),
        stored_log("elsewhere", NOW, project_id="other"),
    )
    await store_tasks(*(stored_task(str(n), NOW - n * MINUTE) for n in range(1, 8)))
    await database["sendouts"].create_indexes(list(SENDOUT_INDEXES))
    await database["sendouts"].insert_many(
        [
            stored_sendout(
                str(number),
                NOW - number * MINUTE,
                stored_attempt(1, NOW, status_code=500),
                stored_attempt(2, NOW, status_code=200),
            )
            for number in range(1, 6)
        ]
    )


def filtered(**fields: Any) -> dict[str, Any]:
    conditions = {name: {"conditions": asked} for name, asked in fields.items()}
    return {"filters": conditions}


@pytest.mark.parametrize(
    ("name", "parameters", "rows"),
    [
        ("api_log", {}, 100),
        ("api_log", filtered(status={"$is": ["FAILURE"]}), 20),
        ("api_log", filtered(user_id={"$in": ["u1", "u2"]}), 67),
        # One document has both, and is one row.
        ("api_log", filtered(user={"$in": ["u0", "u0@x.example"]}), 100),
        ("api_log", filtered(url={"$contains": ["/orders/1"]}), 12),
        ("api_log", filtered(user_id={"$in": ["nobody"]}), 0),
        (
            "api_log",
            filtered(created_at={"$more_than_equal": ["2026-11-24T02:50:00Z"]}),
            10,
        ),
        ("async_action", {}, 7),
        ("webhook_sendout", {}, 5),
        ("webhook_attempt", {}, 10),
        ("webhook_attempt", filtered(status_code={"$is": ["5xx"]}), 5),
    ],
)
async def test_a_dry_run_counts_the_rows_and_makes_nothing(
    api: httpx.AsyncClient,
    database: Database,
    name: str,
    parameters: dict[str, Any],
    rows: int,
) -> None:
    body = {"exported_object": name, "parameters": parameters, "dry_run": True}

    answer = await api.post("/v1/exports", json=body)

    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "object": "export_estimate",
        "rows": rows,
        "at_least": False,
    }
    assert await database["exports"].count_documents({}) == 0


async def test_what_cannot_be_exported_is_told_by_a_dry_run_too(
    api: httpx.AsyncClient,
) -> None:
    body = {"exported_object": "api_log", "dry_run": True}

    wrong = await api.post(
        "/v1/exports", json={**body, "parameters": {"fields": ["nope"]}}
    )
    unclear = await api.post("/v1/exports", json={**body, "dry_run": "yes"})

    assert (wrong.status_code, unclear.status_code) == (400, 400)
    assert wrong.json()["key"] == "invalid_export_fields"
    assert "dry_run: use true or false" in unclear.json()["message"]


async def test_what_is_no_dry_run_is_made(api: httpx.AsyncClient) -> None:
    body = {"exported_object": "api_log", "dry_run": False}

    answer = await api.post("/v1/exports", json=body)

    assert answer.json()["status"] == "SCHEDULED"


async def test_where_counting_takes_too_long_it_says_at_least_what_it_found(
    database: Database,
) -> None:
    await database["logs"].insert_many(
        [stored_log(f"more-{number}", NOW - MINUTE) for number in range(1_500)]
    )
    seconds = iter([0.0, 0.0, 1.5])
    estimates = Estimates(database, lambda: NOW, lambda: next(seconds))

    estimate = await estimates.of(
        "shop", read_parameters({"exported_object": "api_log"})
    )

    assert estimate == Estimate(1_000, at_least=True)


async def test_where_nothing_is_counted_in_time_nothing_is_claimed(
    database: Database,
) -> None:
    estimates = Estimates(
        database, lambda: NOW, monotonic, budget=timedelta(microseconds=-1)
    )

    estimate = await estimates.of(
        "shop", read_parameters({"exported_object": "api_log"})
    )

    assert estimate == Estimate(0, at_least=True)
