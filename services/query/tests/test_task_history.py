from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from daybook.runtime.mongo import Document
from daybook.testing.stored_tasks import stored_task, stored_task_event
from pymongo.asynchronous.database import AsyncDatabase

StoreTasks = Callable[..., Awaitable[None]]
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
EVENTS = "/v1/async-actions/a/events"


async def read_all(api: httpx.AsyncClient, limit: int) -> list[dict[str, Any]]:
    """Every event of the task, page by page."""
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        paging = {"limit": limit} | ({} if cursor is None else {"cursor": cursor})
        answer = await api.get(EVENTS, params=paging)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["task_events"]) <= limit
        rows += page["task_events"]
        cursor = page["next_cursor"]
        assert page["has_more"] is (cursor is not None)
        if cursor is None:
            return rows


async def test_an_event_has_every_name_and_no_failed_rows(
    api: httpx.AsyncClient,
    store_tasks: StoreTasks,
    database: AsyncDatabase[Document],
    now: datetime,
) -> None:
    task = stored_task("a", now)
    await store_tasks(task)
    await database["task_events"].insert_one(
        stored_task_event(
            task,
            "e1",
            "finished",
            now,
            outcome="DONE",
            total=3,
            done_count=2,
            failed_count=1,
            result={"message": "nearly"},
            failed=[{"row": 1}],
        )
    )

    answer = await api.get(EVENTS)

    assert answer.json() == {
        "object": "list",
        "data_ref": "task_events",
        "task_events": [
            {
                "object": "task_event",
                "id": "e1",
                "type": "daybook.task.finished.v1",
                "run": 1,
                "created_at": "2026-11-24T03:00:00.000Z",
                "received_at": "2026-11-24T03:00:00.000Z",
                "event_time": None,
                "source": "shop/1",
                "sequence": 1,
                "task_id": "a",
                "task_type": None,
                "request_id": None,
                "log_id": None,
                "user": None,
                "import_file_id": None,
                "heartbeat_s": None,
                "total": 3,
                "done_count": 2,
                "failed_count": 1,
                "progress": None,
                "outcome": "DONE",
                "operation_status": None,
                "message": "nearly",
                "traceparent": None,
                "origin": {"topic": "daybook.tasks.v1", "partition": 0, "offset": 1},
            }
        ],
        "has_more": False,
        "next_cursor": None,
    }


@pytest.mark.parametrize("limit", [1, 4, 100])
async def test_the_history_is_told_once_and_from_the_oldest_event(
    api: httpx.AsyncClient,
    store_tasks: StoreTasks,
    database: AsyncDatabase[Document],
    now: datetime,
    limit: int,
) -> None:
    start = now - 50 * HOUR
    task = stored_task("a", start, updated_at=now)
    other = stored_task("b", start, updated_at=now)
    await store_tasks(task, other)
    # Several of one millisecond, hours apart, and another task's between them.
    events = [
        stored_task_event(task, f"{n:02}", "progressed", start + (n // 3) * 10 * HOUR)
        for n in range(16)
    ]
    await database["task_events"].insert_many(
        [*reversed(events), stored_task_event(other, "x", "progressed", start)]
    )

    rows = await read_all(api, limit)

    assert [row["id"] for row in rows] == [event["id"] for event in events]


async def test_a_cursor_survives_events_that_arrive_and_expire_meanwhile(
    api: httpx.AsyncClient,
    store_tasks: StoreTasks,
    database: AsyncDatabase[Document],
    now: datetime,
) -> None:
    task = stored_task("a", now - 5 * MINUTE, updated_at=now)
    await store_tasks(task)
    await database["task_events"].insert_many(
        [
            stored_task_event(task, str(n), "progressed", now + (n - 5) * MINUTE)
            for n in range(4)
        ]
    )
    first = (await api.get(EVENTS, params={"limit": 2})).json()

    await database["task_events"].delete_many({"id": {"$in": ["1", "2"]}})
    await database["task_events"].insert_many(
        [
            stored_task_event(task, "early", "enqueued", now - 6 * MINUTE),
            stored_task_event(task, "late", "finished", now, outcome="DONE"),
        ]
    )
    await database["tasks"].update_one(
        {"id": "a"}, {"$set": {"created_at": now - 6 * MINUTE}}
    )

    answer = await api.get(EVENTS, params={"cursor": first["next_cursor"]})
    assert [event["id"] for event in answer.json()["task_events"]] == ["3", "late"]


async def test_no_hour_is_read_but_those_of_the_task(
    api: httpx.AsyncClient,
    store_tasks: StoreTasks,
    database: AsyncDatabase[Document],
    now: datetime,
) -> None:
    task = stored_task("a", now - HOUR, updated_at=now)
    await store_tasks(task)
    hours = [now - 3 * HOUR, now - HOUR, now, now + 2 * HOUR]
    await database["task_events"].insert_many(
        [stored_task_event(task, str(n), "started", at) for n, at in enumerate(hours)]
    )

    assert [row["id"] for row in await read_all(api, 100)] == ["1", "2"]
