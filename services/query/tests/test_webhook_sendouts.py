"""Sendouts over HTTP: lists, what was sent, attempts."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from daybook.runtime.mongo import Document
from daybook.storage.sendouts import SENDOUT_INDEXES
from daybook.testing.stored_sendouts import stored_attempt, stored_sendout
from pymongo.asynchronous.database import AsyncDatabase

MakeKey = Callable[..., Awaitable[str]]
Store = Callable[..., Awaitable[None]]
PATH = "/v1/webhook-sendouts"
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
async def store(database: AsyncDatabase[Document]) -> Store:
    await database["sendouts"].create_indexes(list(SENDOUT_INDEXES))

    async def store_sendouts(*documents: Document) -> None:
        await database["sendouts"].insert_many(list(documents))

    return store_sendouts


def answered(number: int, at: datetime, code: int, **fields: Any) -> Document:
    said = {"kind": "status", "message": f"answered {code}", "status_code": code}
    return stored_attempt(number, at, status_code=code, error=said, **fields)


def sendout(
    name: str,
    at: datetime,
    *,
    status: str = "SENT",
    attempts: Sequence[Document] = (),
    **fields: Any,
) -> Document:
    """Attempted once, unless it could not be yet."""
    once = {
        "SENT": [stored_attempt(1, at)],
        "FAILED": [answered(1, at, 500)],
        "RETRYING": [answered(1, at, 500)],
    }
    made = attempts or once.get(status, ())
    return stored_sendout(name, at, *made, status=status, **fields)


async def ids(api: httpx.AsyncClient, params: Mapping[str, Any]) -> list[str]:
    answer = await api.get(PATH, params=params)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["webhook_sendouts"]]


async def test_a_list_has_every_name_and_null_for_what_is_absent(
    api: httpx.AsyncClient, store: Store, now: datetime
) -> None:
    await store(sendout("whs_1", now - MINUTE, entity_id="v_1", group_id="r_1"))

    answer = await api.get(PATH)

    assert answer.json() == {
        "object": "list",
        "data_ref": "webhook_sendouts",
        "webhook_sendouts": [
            {
                "object": "webhook_sendout",
                "id": "whs_1",
                "project_id": "shop",
                "status": "SENT",
                "event_id": "event-whs_1",
                "event_type": "voucher.created",
                "entity_id": "v_1",
                "group_id": "r_1",
                "endpoint_id": "we_1",
                "target_url": "https://example.com/hook",
                "created_at": "2026-11-24T02:59:00.000Z",
                "executed_at": "2026-11-24T02:59:00.000Z",
                "attempts": 1,
                "next_attempt_at": None,
                "last_error": None,
            }
        ],
        "has_more": False,
        "next_cursor": None,
        "searched_until": None,
    }


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["d", "c", "b", "a"]),
    ({"status": "SENT"}, ["a"]),
    ({"status": ["FAILED", "HELD"]}, ["c", "b"]),
    ({"status": ["FAILED", "HELD", "RETRYING"]}, ["d", "c", "b"]),
    ({"status": "FAILED", "event_type": "order.*"}, ["b"]),
    ({"event_type": "voucher.created"}, ["c", "a"]),
    ({"event_type": "voucher.*"}, ["d", "c", "a"]),
    ({"event_type": ["*.paid", "voucher.used"]}, ["d", "b"]),
    ({"event_id": "event-old"}, ["old"]),
    ({"entity_id": "v_1"}, ["b", "a", "old"]),
    ({"entity_id": "v_1", "status": "FAILED"}, ["b"]),
    ({"group_id": "r_1"}, ["c", "old"]),
    ({"endpoint_id": "we_2"}, ["d", "c"]),
    ({"endpoint_id": ["we_1", "we_2"], "event_type": "voucher.used"}, ["d"]),
    ({"status_code": "500"}, ["b"]),
    ({"status_code": ["2xx", "null"]}, ["d", "a"]),
    ({"attempts[gte]": "2"}, ["d"]),
    ({"created_at[after]": "2020-01-01T00:00:00Z"}, ["d", "c", "b", "a", "old"]),
    ({"created_at[before]": "2026-11-23T00:00:00Z"}, ["old"]),
]


@pytest.mark.parametrize(("params", "expected"), FILTERS)
async def test_filters_find_what_they_name(
    api: httpx.AsyncClient,
    store: Store,
    now: datetime,
    params: dict[str, Any],
    expected: list[str],
) -> None:
    silent = stored_attempt(2, now, status_code=None)
    await store(
        sendout("old", now - 40 * DAY, entity_id="v_1", group_id="r_1"),
        sendout("a", now - 4 * MINUTE, entity_id="v_1"),
        sendout(
            "b",
            now - 3 * MINUTE,
            status="FAILED",
            entity_id="v_1",
            event_type="order.paid",
        ),
        sendout(
            "c", now - 2 * MINUTE, status="HELD", endpoint_id="we_2", group_id="r_1"
        ),
        sendout(
            "d",
            now - MINUTE,
            status="RETRYING",
            endpoint_id="we_2",
            event_type="voucher.used",
            attempts=[answered(1, now, 500), silent],
        ),
        sendout("x", now - MINUTE, project_id="other", entity_id="v_1"),
    )

    assert await ids(api, params) == expected


async def test_a_cursor_goes_on_where_the_page_ended(
    api: httpx.AsyncClient, store: Store, now: datetime
) -> None:
    await store(*(sendout(f"s{n}", now - (n // 2) * MINUTE) for n in range(1, 8)))

    seen: list[str] = []
    params: dict[str, Any] = {"limit": 3}
    while True:
        page = (await api.get(PATH, params=params)).json()
        seen += [one["id"] for one in page["webhook_sendouts"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
        await store(sendout(f"later-{len(seen)}", now))

    assert seen == ["s1", "s3", "s2", "s5", "s4", "s7", "s6"]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"status": "DONE"}, "use SCHEDULED, SENT, RETRYING, FAILED or HELD"),
        ({"status_code": "6"}, "use a code such as 404"),
        ({"attempts[gte]": "-1"}, "use a whole number"),
        ({"attempts[gte]": ["1", "2"]}, "give it once"),
        ({"event_type": "a\0*"}, "printable characters"),
        ({"event_type": "a" * 257}, "at most 256"),
        ({"nonsense": "1"}, "is unknown; use created_at[after]"),
        ({"created_at[after]": "yesterday"}, "RFC 3339"),
        ({"cursor": "x"}, "cursor is damaged"),
    ],
)
async def test_a_filter_that_cannot_be_read_is_a_400_that_says_so(
    api: httpx.AsyncClient, params: dict[str, Any], said: str
) -> None:
    answer = await api.get(PATH, params=params)

    assert answer.status_code == 400
    assert said in answer.json()["message"]


async def test_what_waits_shows_where_it_will_go(
    api: httpx.AsyncClient,
    store: Store,
    database: AsyncDatabase[Document],
    now: datetime,
) -> None:
    await database["webhook_endpoints"].insert_one(
        {"_id": "shop/we_1", "url": "https://new.example/hook"}
    )
    await store(
        sendout("a", now - MINUTE, status="SCHEDULED", next_attempt_at=now),
        sendout("b", now, status="RETRYING", claimed_by="somebody"),
    )

    b, a = (await api.get(PATH)).json()["webhook_sendouts"]
    one = (await api.get(f"{PATH}/a")).json()

    assert a["target_url"] == "https://new.example/hook"
    assert a["next_attempt_at"] == "2026-11-24T03:00:00.000Z"
    assert b["target_url"] == "https://example.com/hook"
    assert b["next_attempt_at"] is None
    assert one["data"]["source"]["target_url"] == "https://new.example/hook"


async def test_the_detail_has_what_was_sent_byte_for_byte(
    api: httpx.AsyncClient, store: Store, now: datetime
) -> None:
    payload = '{"price":1.00,"big":123456789012345678901234567890,"a":1,"a":2}'
    await store(
        sendout(
            "whs_1",
            now,
            payload=payload,
            event_source={"channel": "API"},
            event_created_at=now - DAY,
        )
    )

    answer = await api.get(f"{PATH}/whs_1")
    listed = (await api.get(PATH)).json()["webhook_sendouts"][0]

    assert answer.headers["content-type"] == "application/json"
    assert f',"data":{payload},"source":'.encode() in answer.content
    shape = json.loads(answer.content)
    data = shape.pop("data")
    assert shape == listed
    assert (data["id"], data["type"]) == ("whs_1", "voucher.created")
    assert data["timestamp"] == "2026-11-23T03:00:00.000Z"
    assert data["created_at"] == "2026-11-24T03:00:00.000Z"
    assert data["event"]["event_source"]["channel"] == "API"


async def test_attempts_are_listed_newest_first(
    api: httpx.AsyncClient, store: Store, now: datetime
) -> None:
    await store(
        sendout(
            "whs_1",
            now,
            attempts=[
                answered(1, now - MINUTE, 500, next_attempt_at=now),
                stored_attempt(3, now, response_body=None, response_headers=None),
            ],
        )
    )

    first = (await api.get(f"{PATH}/whs_1/attempts", params={"limit": 1})).json()
    params = {"limit": 1, "cursor": first["next_cursor"]}
    second = (await api.get(f"{PATH}/whs_1/attempts", params=params)).json()

    assert first["data_ref"] == "webhook_attempts"
    assert first["has_more"] is True
    assert first["webhook_attempts"] == [
        {
            "object": "webhook_attempt",
            "attempt": 3,
            "trigger": "retry",
            "started_at": "2026-11-24T03:00:00.000Z",
            "duration_ms": 12.5,
            "status_code": 200,
            "request_headers": [["content-type", "application/json"]],
            "response_headers": None,
            "response_body": None,
            "response_body_encoding": None,
            "response_body_truncated": None,
            "error": None,
            "next_attempt_at": None,
        }
    ]
    [older] = second["webhook_attempts"]
    assert second["next_cursor"] is None
    assert older["error"]["message"] == "answered 500"
    assert older["response_body"] == "ok"
    assert older["next_attempt_at"] == "2026-11-24T03:00:00.000Z"


async def test_a_cursor_of_one_sendouts_attempts_is_refused_by_another(
    api: httpx.AsyncClient, store: Store, now: datetime
) -> None:
    attempts = [stored_attempt(number, now) for number in (1, 2)]
    await store(*(sendout(one, now, attempts=attempts) for one in ("a", "b")))

    page = (await api.get(f"{PATH}/a/attempts", params={"limit": 1})).json()
    answer = await api.get(f"{PATH}/b/attempts", params={"cursor": page["next_cursor"]})

    assert answer.status_code == 400
    assert "another list" in answer.json()["message"]


async def test_a_key_sees_the_sendouts_of_its_own_project_alone(
    api: httpx.AsyncClient, store: Store, now: datetime, new_key: MakeKey
) -> None:
    await store(sendout("whs_1", now))
    other = {"authorization": f"Bearer {await new_key('other')}"}

    for path in (f"{PATH}/whs_1", f"{PATH}/whs_1/attempts"):
        answer = await api.get(path, headers=other)
        assert answer.status_code == 404
        assert answer.json()["key"] == "webhook_sendout_not_found"
    assert (await api.get(PATH, headers=other)).json()["webhook_sendouts"] == []
