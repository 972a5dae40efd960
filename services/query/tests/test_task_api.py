from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from daybook.runtime.mongo import Document
from daybook.testing.stored_tasks import (
    stored_failed_row,
    stored_task,
    stored_task_event,
)
from pymongo.asynchronous.database import AsyncDatabase

StoreTasks = Callable[..., Awaitable[None]]
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

SUMMARY = {
    "object": "async_action",
    "id": "a",
    "type": "VOUCHERS.IMPORT",
    "status": "DONE",
    "operation_status": "SUCCESS",
    "created_at": "2026-11-24T02:59:00.000Z",
    "updated_at": "2026-11-24T03:00:00.000Z",
    "request_id": "req-a",
    "log_id": None,
    "user": {"id": "u1", "email": None},
    "processing_time": 1200,
    "progress": 100,
    "project_id": "shop",
    "import_file_id": None,
    "stalled": False,
    "run": 1,
    "total": 12,
    "done_count": 10,
    "failed_count": 2,
    "heartbeat_s": 30.5,
    "enqueued_at": "2026-11-24T02:59:00.000Z",
    "started_at": "2026-11-24T02:59:00.000Z",
    "finished_at": "2026-11-24T03:00:00.000Z",
    "received_at": "2026-11-24T02:59:00.000Z",
}


def _finished(now: datetime, **fields: Any) -> Document:
    return stored_task(
        "a",
        now - MINUTE,
        updated_at=now,
        finished_at=now,
        user={"id": "u1"},
        total=12,
        done_count=10,
        failed_count=2,
        heartbeat_s=30.5,
        message="two rows have no code",
        **fields,
    )


async def ids(api: httpx.AsyncClient, **params: Any) -> list[str]:
    answer = await api.get("/v1/async-actions", params=params)
    assert answer.status_code == 200, answer.text
    return [task["id"] for task in answer.json()["async_actions"]]


async def test_a_list_has_every_name_and_null_for_what_is_absent(
    api: httpx.AsyncClient, store_tasks: StoreTasks, now: datetime
) -> None:
    await store_tasks(_finished(now))

    answer = await api.get("/v1/async-actions")

    assert answer.json() == {
        "object": "list",
        "data_ref": "async_actions",
        "async_actions": [SUMMARY],
        "has_more": False,
        "next_cursor": None,
        "searched_until": None,
    }


async def test_before_any_task_there_was_the_list_is_empty(
    api: httpx.AsyncClient,
) -> None:
    assert await ids(api) == []
    assert await ids(api, user="u1") == []
    assert await ids(api, status="FAILED", progress="7") == []


async def test_a_task_has_its_result_with_the_failed_rows_of_its_run_by_place(
    api: httpx.AsyncClient,
    store_tasks: StoreTasks,
    database: AsyncDatabase[Document],
    now: datetime,
) -> None:
    task = _finished(now, run=2)
    await store_tasks(task)
    await database["task_failed_rows"].insert_many(
        [
            stored_failed_row(task, "x", source_id="x", reason="gone"),
            stored_failed_row(task, "10", row=10, code="TEN"),
            stored_failed_row(task, "9", row=9, reason="no code"),
            stored_failed_row(task | {"run": 1}, "1", row=1),
            stored_failed_row(task | {"_id": "shop/b"}, "1", row=1),
        ]
    )

    answer = await api.get("/v1/async-actions/a")

    nothing = {"row": None, "code": None, "source_id": None, "reason": None}
    assert answer.json() == {
        **SUMMARY,
        "run": 2,
        "result": {
            "message": "two rows have no code",
            "done_count": 10,
            "failed_count": 2,
            "failed": [
                nothing | {"row": 9, "reason": "no code"},
                nothing | {"row": 10, "code": "TEN"},
                nothing | {"source_id": "x", "reason": "gone"},
            ],
            "errors": [],
            "reports": [],
            "reports_available_till": None,
        },
    }


@pytest.mark.parametrize(
    ("status", "has_result"),
    [("ENQUEUED", False), ("IN_PROGRESS", False), ("DONE", True), ("FAILED", True)],
)
async def test_a_task_has_no_result_until_it_has_finished(
    api: httpx.AsyncClient,
    store_tasks: StoreTasks,
    now: datetime,
    status: str,
    has_result: bool,
) -> None:
    await store_tasks(stored_task("a/b ü", now, status=status))

    answer = await api.get("/v1/async-actions/a%2Fb%20%C3%BC")

    assert answer.json()["status"] == status
    assert (answer.json()["result"] is not None) is has_result


@pytest.mark.parametrize("below", ["", "/events", "/failed-rows", "/stream"])
async def test_a_task_that_is_not_there_is_a_404_that_names_it(
    api: httpx.AsyncClient, store_tasks: StoreTasks, now: datetime, below: str
) -> None:
    await store_tasks(stored_task("theirs", now, project_id="other"))

    answer = await api.get(f"/v1/async-actions/theirs{below}")

    error = answer.json()
    assert (answer.status_code, error["key"]) == (404, "async_action_not_found")
    assert (error["resource_type"], error["resource_id"]) == ("async_action", "theirs")


@pytest.mark.parametrize("below", ["", "/events", "/failed-rows", "/stream"])
async def test_a_task_is_found_whatever_is_in_its_id(
    api: httpx.AsyncClient, store_tasks: StoreTasks, now: datetime, below: str
) -> None:
    await store_tasks(stored_task("a\n/\nb\n", now))

    answer = await api.get(f"/v1/async-actions/a%0A%2F%0Ab%0A{below}")

    assert answer.status_code == 200


async def test_without_a_limit_ten_tasks_are_shown_of_all_time(
    api: httpx.AsyncClient, store_tasks: StoreTasks, now: datetime
) -> None:
    await store_tasks(*(stored_task(f"{n:02}", now - n * 400 * DAY) for n in range(12)))

    assert await ids(api) == [f"{n:02}" for n in range(10)]
    assert len(await ids(api, limit=100)) == 12


async def _seed(store_tasks: StoreTasks, now: datetime) -> None:
    await store_tasks(
        stored_task(
            "done",
            now - MINUTE,
            user={"id": "u1", "email": "Ann@Example.com"},
            import_file_id="f1",
        ),
        stored_task("partly", now - 2 * MINUTE, operation_status="FAILED"),
        stored_task(
            "failed", now - 3 * MINUTE, status="FAILED", task_type="RARE", progress=40
        ),
        stored_task(
            "running",
            now - 4 * MINUTE,
            status="IN_PROGRESS",
            progress=55,
            user={"id": "u1"},
        ),
        stored_task(
            "stalled", now - 5 * MINUTE, status="IN_PROGRESS", stalled=True, progress=50
        ),
        stored_task("waits", now - 6 * MINUTE, status="ENQUEUED", task_type="RARE"),
        stored_task("other", now, project_id="other", user={"id": "u1"}),
    )


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, "done partly failed running stalled waits"),
        ({"type": "RARE"}, "failed waits"),
        (
            {"type": ["RARE", "VOUCHERS.IMPORT"]},
            "done partly failed running stalled waits",
        ),
        ({"type": "NONE"}, ""),
        ({"status": "DONE"}, "done partly"),
        ({"status": "FAILED"}, "failed"),
        ({"status": "ENQUEUED"}, "waits"),
        ({"status": "IN_PROGRESS"}, "running stalled"),
        ({"status": ["IN_PROGRESS", "ENQUEUED"]}, "running stalled waits"),
        ({"status": ["FAILED", "ENQUEUED"]}, "failed waits"),
        ({"status": "ENQUEUED", "type": "RARE"}, "waits"),
        ({"status": "FAILED", "type": "VOUCHERS.IMPORT"}, ""),
        ({"operation_status": "FAILED"}, "partly failed"),
        ({"operation_status": "FAILED", "status": "DONE"}, "partly"),
        ({"operation_status": ["SUCCESS", "FAILED"]}, "done partly failed"),
        ({"operation_status": "UNKNOWN"}, "running stalled waits"),
        ({"stalled": "true"}, "stalled"),
        ({"stalled": "true", "status": "DONE"}, ""),
        ({"stalled": "false"}, "done partly failed running waits"),
        ({"stalled": ["true", "false"], "type": "RARE"}, "failed waits"),
        ({"user": "u1"}, "done running"),
        ({"user": "ann@example.COM"}, "done"),
        ({"user": "u1", "status": "IN_PROGRESS"}, "running"),
        ({"user": "u1", "import_file_id": "f1"}, "done"),
        ({"user": "u1", "import_file_id": "f2"}, ""),
        ({"request_id": ["req-done", "req-waits"]}, "done waits"),
        ({"import_file_id": "f1"}, "done"),
        ({"progress": "50"}, "stalled"),
        ({"progress": ["50", "100"]}, "done partly stalled"),
        ({"progress[gte]": "50", "progress[lte]": "99"}, "running stalled"),
        ({"progress[lte]": "40"}, "failed waits"),
        ({"progress": ["50", "55"], "progress[gte]": "51"}, "running"),
        ({"type": "VOUCHERS.IMPORT", "progress[gte]": "55"}, "done partly running"),
        ({"created_at[after]": "2026-11-24T02:57:00Z"}, "done partly failed"),
        ({"created_at[before]": "2026-11-24T02:55:00Z"}, "waits"),
        ({"end_date": "2026-11-24T02:55:00Z"}, "waits"),
        ({"end_date": "2026-11-24T03:55:00 0100"}, "waits"),
        ({"end_date": "2026-11-24"}, ""),
        (
            {
                "end_date": "2026-11-24T02:56:30Z",
                "created_at[before]": "2026-11-25",
                "created_at[after]": "2026-11-24T02:55:00Z",
            },
            "running stalled",
        ),
    ],
)
async def test_values_of_a_filter_are_or_and_filters_are_and(
    api: httpx.AsyncClient,
    store_tasks: StoreTasks,
    now: datetime,
    params: dict[str, Any],
    expected: str,
) -> None:
    await _seed(store_tasks, now)

    assert await ids(api, **params) == expected.split()


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"type": ["A", "B"]},
        {"status": "FAILED"},
        {"status": "FAILED", "progress": "3"},
        {"user": ["u1", "nobody"]},
        {"progress": "3"},
    ],
)
@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_pages_hold_every_task_once_even_within_one_millisecond(
    api: httpx.AsyncClient,
    store_tasks: StoreTasks,
    now: datetime,
    params: dict[str, Any],
    limit: int,
) -> None:
    tasks = [
        stored_task(
            f"{n:02}",
            now - (n // 4) * DAY,
            status="FAILED",
            task_type="AB"[n % 2],
            user={"id": "u1"},
            progress=3,
        )
        for n in range(12)
    ]
    await store_tasks(*tasks)

    seen: list[str] = []
    cursor: str | None = None
    while True:
        paging = {"limit": limit} | ({} if cursor is None else {"cursor": cursor})
        answer = await api.get("/v1/async-actions", params={**params, **paging})
        page = answer.json()
        seen += [task["id"] for task in page["async_actions"]]
        cursor = page["next_cursor"]
        assert page["has_more"] is (cursor is not None)
        if cursor is None:
            break

    ordered = sorted(tasks, key=lambda task: (task["created_at"], task["_id"]))
    assert seen == [task["id"] for task in reversed(ordered)]


async def test_a_cursor_survives_tasks_that_arrive_and_move_back_meanwhile(
    api: httpx.AsyncClient,
    store_tasks: StoreTasks,
    database: AsyncDatabase[Document],
    now: datetime,
) -> None:
    await store_tasks(*(stored_task(str(n), now - n * MINUTE) for n in range(6)))
    first = await api.get("/v1/async-actions", params={"limit": 3})
    assert [task["id"] for task in first.json()["async_actions"]] == ["0", "1", "2"]

    # An earlier event of two tasks came late: of the cursor's own, and of the next.
    for task_id, moved in (("2", 4.5), ("3", 9)):
        await database["tasks"].update_one(
            {"id": task_id}, {"$set": {"created_at": now - moved * MINUTE}}
        )
    await store_tasks(stored_task("new", now))

    # What was shown may come again; what was not shown is never left out.
    cursor = first.json()["next_cursor"]
    assert await ids(api, cursor=cursor) == ["4", "2", "5", "3"]


async def test_the_cursor_of_another_list_is_refused(
    api: httpx.AsyncClient,
    store_tasks: StoreTasks,
    database: AsyncDatabase[Document],
    now: datetime,
) -> None:
    task = stored_task("a", now)
    await store_tasks(task, stored_task("b", now))
    await database["task_events"].insert_many(
        [stored_task_event(task, str(n), "progressed", now) for n in range(2)]
    )
    first = (await api.get("/v1/async-actions?limit=1")).json()["next_cursor"]
    of_a = (await api.get("/v1/async-actions/a/events?limit=1")).json()["next_cursor"]

    answers = [
        await api.get(f"/v1/logs?cursor={first}"),
        await api.get(f"/v1/async-actions?status=DONE&cursor={first}"),
        await api.get(f"/v1/async-actions/a/events?cursor={first}"),
        await api.get(f"/v1/async-actions/b/events?cursor={of_a}"),
        await api.get(f"/v1/async-actions/a/failed-rows?cursor={of_a}"),
    ]

    for answer in answers:
        assert (answer.status_code, answer.json()["key"]) == (400, "invalid_cursor")
        assert "another list" in answer.json()["message"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("?limit=101", "from 1 to 100"),
        ("?state=DONE", "state is unknown"),
        ("?status=SCHEDULED", "use ENQUEUED, IN_PROGRESS, DONE or FAILED"),
        ("?operation_status=DONE", "use SUCCESS, FAILED or UNKNOWN"),
        ("?stalled=yes", "use true or false"),
        ("?progress=101", "from 0 to 100"),
        ("?progress=1.5", "from 0 to 100"),
        ("?progress[gte]=1&progress[gte]=2", "give it once"),
        ("?progress[gte]=9&progress[lte]=8", "must be at most"),
        ("?end_date=soon", "RFC 3339"),
        ("?end_date=2026-01-01&created_at[after]=2026-01-01", "earlier than end_date"),
        ("/a/events?type=x", "type is unknown"),
        ("/a/events?limit=0", "from 1 to 100"),
        ("/a/failed-rows?search=x", "search is unknown"),
        ("/a/failed-rows?q=x&q=y", "give it once"),
        ("/a/failed-rows?format=xml", "use json or csv"),
        ("/a/failed-rows?format=csv&limit=5", "leave limit and cursor out"),
    ],
)
async def test_a_parameter_that_cannot_be_read_is_a_400_that_says_what_to_do(
    api: httpx.AsyncClient,
    store_tasks: StoreTasks,
    now: datetime,
    query: str,
    says: str,
) -> None:
    await store_tasks(stored_task("a", now))

    answer = await api.get(f"/v1/async-actions{query}")

    error = answer.json()
    assert (answer.status_code, error["key"]) == (400, "invalid_query_params")
    assert says in error["message"]
    assert "limit, cursor" in error["details"]


@pytest.mark.parametrize("below", ["", "/a", "/a/events", "/a/failed-rows"])
async def test_whoever_has_no_key_sees_no_task(
    anyone: httpx.AsyncClient, store_tasks: StoreTasks, now: datetime, below: str
) -> None:
    await store_tasks(stored_task("a", now))

    answer = await anyone.get(f"/v1/async-actions{below}")

    assert answer.status_code == 401
