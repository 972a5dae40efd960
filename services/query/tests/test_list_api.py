from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from daybook.runtime.mongo import Document
from daybook.testing.stored_logs import stored_log
from pymongo.asynchronous.database import AsyncDatabase

StoreLogs = Callable[..., Awaitable[None]]
MINUTE = timedelta(minutes=1)


async def ids(api: httpx.AsyncClient, **params: Any) -> list[str]:
    answer = await api.get("/v1/logs", params=params)
    assert answer.status_code == 200, answer.text
    return [log["id"] for log in answer.json()["logs"]]


async def test_a_list_has_every_name_and_null_for_what_is_absent(
    api: httpx.AsyncClient, store: StoreLogs, now: datetime
) -> None:
    await store(
        stored_log(
            "a",
            now - MINUTE,
            user={"id": "u1"},
            request={"headers": [["a", "b"]], "body": "secret", "body_size": 6},
            extra='{"x":1}',
        )
    )

    answer = await api.get("/v1/logs")

    assert answer.json() == {
        "object": "list",
        "data_ref": "logs",
        "logs": [
            {
                "object": "log",
                "id": "a",
                "project_id": "shop",
                "created_at": "2026-11-24T02:59:00.000Z",
                "received_at": "2026-11-24T02:59:00.000Z",
                "request_id": "req-a",
                "status": "SUCCESS",
                "status_code": 200,
                "method": "GET",
                "endpoint": "GET /v1/orders/{id}",
                "url": "https://shop.example/v1/orders/a",
                "channel": "API",
                "duration_ms": 12.3,
                "user": {"id": "u1", "email": None},
                "api_key": None,
                "client_ip": None,
                "user_agent": None,
                "request": {
                    "content_type": None,
                    "body_encoding": None,
                    "body_size": 6,
                    "truncated": None,
                },
                "response": None,
                "task_id": None,
                "import_file_id": None,
                "resource": None,
                "event_time": None,
                "source": "shop/1",
                "sequence": None,
                "traceparent": None,
                "origin": {
                    "topic": "daybook.requests.v1",
                    "partition": 0,
                    "offset": 1,
                },
            }
        ],
        "has_more": False,
        "next_cursor": None,
        "searched_until": None,
    }


async def test_a_log_is_found_with_its_bodies_whatever_is_in_its_id(
    api: httpx.AsyncClient, store: StoreLogs, now: datetime
) -> None:
    odd = "a/b c?d#e%2F~é😀\n/\n"
    body = '{"n": 12345678901234567890.10, "n": 1, "s": "\\ud800", "z":\r\n 1}'
    await store(
        stored_log(
            odd,
            now,
            request={"body": body, "headers": [["X", "1"], ["x", "2"]]},
            extra='{"x":1}',
            duration_ms=3,
        )
    )

    answer = await api.get(f"/v1/logs/{_quoted(odd)}")

    shown = answer.json()
    assert (shown["id"], shown["request"]["body"]) == (odd, body)
    assert shown["request"]["headers"] == [["X", "1"], ["x", "2"]]
    assert shown["extra"] == '{"x":1}'
    assert '"duration_ms":3,' in answer.text


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


async def test_the_last_24_hours_are_shown_unless_a_time_is_given(
    api: httpx.AsyncClient, store: StoreLogs, now: datetime
) -> None:
    day = timedelta(days=1)
    await store(
        stored_log("edge", now - day),
        stored_log("old", now - day - timedelta(milliseconds=1)),
        stored_log("soon", now + MINUTE),
    )

    assert await ids(api) == ["soon", "edge"]
    assert await ids(api, **{"created_at[after]": "2026-01-01T00:00:00Z"}) == [
        "soon",
        "edge",
        "old",
    ]
    assert await ids(api, **{"created_at[before]": "2026-11-23T03:00:00Z"}) == ["old"]


async def test_after_is_inclusive_and_before_exclusive(
    api: httpx.AsyncClient, store: StoreLogs, now: datetime
) -> None:
    tick = timedelta(milliseconds=1)
    await store(*(stored_log(str(n), now + n * tick) for n in range(4)))
    bounds = {
        "created_at[after]": "2026-11-24T04:00:00.001+01:00",
        "created_at[before]": "2026-11-24T03:00:00.003",
    }

    assert await ids(api, **bounds) == ["2", "1"]


@pytest.mark.parametrize(
    "name", ["request_id", "task_id", "import_file_id", "resource_id"]
)
@pytest.mark.parametrize("year", [1, 1200, 1969, 2300, 9999])
async def test_what_is_searched_by_an_id_is_found_at_any_time(
    api: httpx.AsyncClient, store: StoreLogs, now: datetime, name: str, year: int
) -> None:
    fields: dict[str, Any] = {name: "x"}
    if name == "resource_id":
        fields = {"resource": {"id": "x"}}
    then = datetime(year, 6, 1, 12, 30, 1, 5000, tzinfo=UTC)
    await store(stored_log("far", then, **fields), stored_log("near", now))

    answer = await api.get("/v1/logs", params={name: "x"})

    assert [log["id"] for log in answer.json()["logs"]] == ["far"]
    assert answer.json()["logs"][0]["created_at"] == f"{year:04}-06-01T12:30:01.005Z"


async def _seed(store: StoreLogs, now: datetime) -> None:
    await store(
        stored_log(
            "ok",
            now - MINUTE,
            user={"id": "u1", "email": "Ann@Example.com"},
            api_key={"id": "k1", "name": "server"},
        ),
        stored_log(
            "missing",
            now - 2 * MINUTE,
            status_code=404,
            method="POST",
            user={"id": "u2"},
            api_key={"id": "k2", "name": "client"},
            resource={"type": "order", "id": "o1"},
        ),
        stored_log(
            "broken",
            now - 3 * MINUTE,
            status_code=503,
            channel="SDK",
            endpoint="POST /v1/pay",
            user={"id": "u1"},
            resource={"type": "order", "id": "o2"},
        ),
        stored_log(
            "hung", now - 4 * MINUTE, status_code=None, task_id="t1", method="PUT"
        ),
        stored_log("other", now, project_id="other"),
    )


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, "ok missing broken hung"),
        ({"status": "SUCCESS"}, "ok"),
        ({"status": "FAILURE"}, "missing broken hung"),
        ({"status": ["SUCCESS", "FAILURE"]}, "ok missing broken hung"),
        ({"status": "FAILURE", "channel": "SDK"}, "broken"),
        ({"status": "FAILURE", "status_code": "null"}, "hung"),
        ({"status": "FAILURE", "status_code": "4xx"}, "missing"),
        ({"status": "SUCCESS", "status_code": "404"}, ""),
        ({"status_code": "404"}, "missing"),
        ({"status_code": ["4xx", "5xx"]}, "missing broken"),
        ({"status_code": ["404", "null"]}, "missing hung"),
        ({"status_code": ["200", "503"]}, "ok broken"),
        ({"status_code": "null"}, "hung"),
        ({"method": ["POST", "PUT"]}, "missing hung"),
        ({"channel": "SDK"}, "broken"),
        ({"endpoint": "POST /v1/pay"}, "broken"),
        ({"user": "u1"}, "ok broken"),
        ({"user": ["u1", "u2"]}, "ok missing broken"),
        ({"user": "ann@example.COM"}, "ok"),
        ({"user": "u1", "status": "FAILURE"}, "broken"),
        ({"user": "u1", "status_code": "null"}, ""),
        ({"api_key": ["k1", "client"]}, "ok missing"),
        ({"request_id": "req-hung"}, "hung"),
        ({"resource_type": "order"}, "missing broken"),
        ({"resource_type": "order", "resource_id": "o2"}, "broken"),
        ({"user": "u1", "resource_type": ["order", "x"]}, "broken"),
        ({"task_id": "t1", "method": "PUT"}, "hung"),
        ({"task_id": "t1", "method": "GET"}, ""),
        ({"channel": "API", "method": "POST", "status_code": "4xx"}, "missing"),
    ],
)
async def test_values_of_a_filter_are_or_and_filters_are_and(
    api: httpx.AsyncClient,
    store: StoreLogs,
    now: datetime,
    params: dict[str, Any],
    expected: str,
) -> None:
    await _seed(store, now)

    assert await ids(api, **params) == expected.split()


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"created_at[after]": "2000-01-01T00:00:00Z"},
        {"status": "FAILURE"},
        {"status_code": "404"},
        {"user": ["u1", "nobody"]},
        {"user": "u1", "status_code": "404"},
    ],
)
@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_pages_hold_every_log_once_even_within_one_millisecond(
    api: httpx.AsyncClient,
    store: StoreLogs,
    now: datetime,
    params: dict[str, Any],
    limit: int,
) -> None:
    logs = [
        stored_log(
            f"{n:02}", now - (n // 4) * MINUTE, status_code=404, user={"id": "u1"}
        )
        for n in range(12)
    ]
    await store(*logs)

    seen: list[str] = []
    cursor: str | None = None
    while True:
        paging = {"limit": limit} | ({} if cursor is None else {"cursor": cursor})
        page = (await api.get("/v1/logs", params={**params, **paging})).json()
        seen += [log["id"] for log in page["logs"]]
        cursor = page["next_cursor"]
        assert page["has_more"] is (cursor is not None)
        if cursor is None:
            break

    ordered = sorted(logs, key=lambda log: (log["created_at"], log["_id"]))
    assert seen == [log["id"] for log in reversed(ordered)]


async def test_a_cursor_survives_logs_that_arrive_and_expire_meanwhile(
    api: httpx.AsyncClient,
    store: StoreLogs,
    now: datetime,
    database: AsyncDatabase[Document],
) -> None:
    await store(*(stored_log(str(n), now - n * MINUTE) for n in range(6)))
    first = (await api.get("/v1/logs", params={"limit": 3})).json()

    await store(stored_log("new", now), stored_log("late", now - 3.5 * MINUTE))
    await database["logs"].delete_many({"id": {"$in": ["2", "4"]}})

    following = await ids(api, cursor=first["next_cursor"])
    assert following == ["3", "late", "5"]


async def test_a_cursor_keeps_the_window_it_was_made_for(
    api: httpx.AsyncClient, store: StoreLogs, now: datetime, time: Any
) -> None:
    day = timedelta(days=1)
    await store(stored_log("a", now), stored_log("b", now - day + MINUTE))
    first = (await api.get("/v1/logs", params={"limit": 1})).json()

    time.pass_by(timedelta(hours=2))

    assert await ids(api, cursor=first["next_cursor"]) == ["b"]


async def test_a_damaged_or_foreign_cursor_is_refused_and_says_so(
    api: httpx.AsyncClient,
    store: StoreLogs,
    now: datetime,
    new_key: Callable[..., Awaitable[str]],
) -> None:
    await store(stored_log("a", now), stored_log("b", now))
    cursor = (await api.get("/v1/logs", params={"limit": 1})).json()["next_cursor"]
    flipped = cursor[:20] + ("A" if cursor[20] != "A" else "B") + cursor[21:]
    theirs = {"authorization": f"Bearer {await new_key('other')}"}

    damaged = [
        await api.get("/v1/logs", params={"cursor": text})
        for text in (flipped, cursor[:-3], "%%%", "x", "", "é")
    ]
    of_other_filters = await api.get(
        "/v1/logs", params={"cursor": cursor, "method": "GET"}
    )
    of_other_project = await api.get(
        "/v1/logs", params={"cursor": cursor}, headers=theirs
    )

    for answer in (*damaged, of_other_filters, of_other_project):
        assert answer.status_code == 400
        assert answer.json()["key"] == "invalid_cursor"
    assert {"damaged" in answer.json()["message"] for answer in damaged} == {True}
    assert "another list" in of_other_filters.json()["message"]
    assert "another list" in of_other_project.json()["message"]


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"limit": "0"}, "from 1 to 100"),
        ({"limit": "101"}, "from 1 to 100"),
        ({"limit": "x"}, "from 1 to 100"),
        ({"limit": "٣"}, "from 1 to 100"),
        ({"statuscode": "404"}, "statuscode is unknown"),
        ({"status": "FAILED"}, "SUCCESS or FAILURE"),
        ({"status_code": "40"}, "a class such as 4xx"),
        ({"status_code": "4x4"}, "a class such as 4xx"),
        ({"status_code": "0xx"}, "a class such as 4xx"),
        ({"created_at[after]": "yesterday"}, "RFC 3339"),
        ({"created_at[after]": "2026-13-01T00:00:00Z"}, "RFC 3339"),
        ({"created_at[after]": ["2026-01-01", "2026-01-02"]}, "give it once"),
        (
            {"created_at[after]": "2026-01-02", "created_at[before]": "2026-01-02"},
            "must be earlier",
        ),
        ({"user": ""}, "leave it out"),
        ({"user": "u" * 5000}, "at most"),
        ({"user": [str(n) for n in range(21)]}, "at most 20"),
    ],
)
async def test_a_parameter_that_cannot_be_read_is_a_400_that_says_what_to_do(
    api: httpx.AsyncClient, params: dict[str, Any], says: str
) -> None:
    answer = await api.get("/v1/logs", params=params)

    error = answer.json()
    assert answer.status_code == 400
    assert error["key"] == "invalid_query_params"
    assert says in error["message"]
    assert "status_code" in error["details"]
