"""What is asked of the dispatcher over HTTP: commands, and what they answer with."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from daybook.runtime.mongo import Document
from daybook.storage.sendout_filters import sendout_conditions
from daybook.storage.sendouts import SENDOUT_INDEXES
from daybook.testing.stored_sendouts import stored_attempt, stored_sendout
from daybook.webhooks.sealing import new_key
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from pymongo.asynchronous.database import AsyncDatabase
from query.app import Surroundings, create_app
from query.settings import QuerySettings

MakeKey = Callable[..., Awaitable[str]]
ENDPOINTS, SENDOUTS = "/v1/webhook-endpoints", "/v1/webhook-sendouts"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def settings() -> QuerySettings:
    return QuerySettings(
        session_secret=SecretStr("a secret of enough letters"),
        sealing_keys=SecretStr(new_key("k")),
    )


@pytest.fixture
def patience() -> timedelta:
    return timedelta(seconds=30)


@pytest.fixture
def app(
    database: AsyncDatabase[Document],
    settings: QuerySettings,
    time: Any,
    patience: timedelta,
) -> FastAPI:
    numbers = itertools.count(1)
    surroundings = Surroundings(
        clock=time.clock,
        make_id=lambda: f"made-{next(numbers)}",
        patience=patience,
    )
    return create_app(
        settings, database, registry=CollectorRegistry(), surroundings=surroundings
    )


class Dispatcher:
    """Stands in for the dispatcher: finishes commands as their contract says."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self.database = database
        self.result: Document = {"status": "DONE"}

    async def run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                await self._do_one()
                await asyncio.sleep(0.01)

    async def _do_one(self) -> None:
        open_ = {"service": "webhook-dispatcher", "status": "ACCEPTED"}
        command = await self.database["commands"].find_one(open_)
        if command is None or "task_id" in command:
            return
        await self._do(command["kind"], command["project_id"], command["parameters"])
        await self.database["commands"].update_one(
            {"_id": command["_id"]}, {"$set": self.result}
        )

    async def _do(self, kind: str, project_id: str, given: Document) -> None:
        key = {"_id": f"{project_id}/{given.get('endpoint_id')}"}
        health = self.database["endpoint_health"]
        if kind == "endpoint.disable":
            disabled = {"at": datetime.fromtimestamp(0), "reason": given["reason"]}  # noqa: DTZ006 - any will do
            await health.update_one(key, {"$set": {"disabled": disabled}}, upsert=True)
        elif kind == "endpoint.enable":
            await health.update_one(key, {"$unset": {"disabled": 1}})
        elif kind == "endpoint.test":
            sendout = stored_sendout(
                given["sendout_id"],
                datetime.fromisoformat("2026-11-24T03:00:00Z"),
                endpoint_id=given["endpoint_id"],
                trigger="test",
            )
            await self.database["sendouts"].insert_one(sendout)
        elif kind == "sendout.retry":
            await self.database["sendouts"].update_one(
                {"_id": f"{project_id}/{given['sendout_id']}"},
                {"$set": {"status": "RETRYING"}},
            )


@pytest.fixture
async def dispatcher(database: AsyncDatabase[Document]) -> AsyncIterator[Dispatcher]:
    made = Dispatcher(database)
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    await running


@pytest.fixture(autouse=True)
async def indexes(database: AsyncDatabase[Document]) -> None:
    await database["sendouts"].create_indexes(list(SENDOUT_INDEXES))


@pytest.fixture
async def endpoint(api: httpx.AsyncClient) -> str:
    """The path of an endpoint."""
    answer = await api.post(ENDPOINTS, json={"url": "https://example.com/hook"})
    assert answer.status_code == 201, answer.text
    return f"{ENDPOINTS}/{answer.json()['id']}"


async def commands(database: AsyncDatabase[Document]) -> list[tuple[str, Document]]:
    found = await database["commands"].find().sort("_id", 1).to_list()
    return [(one["kind"], one["parameters"]) for one in found]


async def test_disabling_and_enabling_answer_with_the_endpoint(
    api: httpx.AsyncClient, endpoint: str, dispatcher: Dispatcher
) -> None:
    disabled = await api.post(f"{endpoint}/disable", json={"reason": "it is moving"})
    enabled = await api.post(f"{endpoint}/enable")
    unsaid = await api.post(f"{endpoint}/disable")

    assert (disabled.status_code, enabled.status_code) == (200, 200)
    assert disabled.json()["object"] == "webhook_endpoint"
    assert disabled.json()["disabled"]["reason"] == "it is moving"
    assert enabled.json()["disabled"] is None
    assert unsaid.json()["disabled"]["reason"] == "disabled by hand"


async def test_a_test_answers_with_its_sendout(
    api: httpx.AsyncClient, endpoint: str, dispatcher: Dispatcher
) -> None:
    answer = await api.post(f"{endpoint}/test")

    sendout = answer.json()
    assert answer.status_code == 200
    assert sendout["object"] == "webhook_sendout"
    assert endpoint.endswith(sendout["endpoint_id"])
    assert sendout["data"]["id"] == sendout["id"]
    assert sendout["id"].startswith("whs_")
    assert "-" not in sendout["id"]


async def test_a_retry_answers_with_its_sendout(
    api: httpx.AsyncClient,
    database: AsyncDatabase[Document],
    dispatcher: Dispatcher,
    now: datetime,
) -> None:
    await database["sendouts"].insert_one(stored_sendout("s", now, status="FAILED"))

    answer = await api.post(f"{SENDOUTS}/s/retry")

    assert answer.status_code == 200
    assert (answer.json()["id"], answer.json()["status"]) == ("s", "RETRYING")
    assert await commands(database) == [("sendout.retry", {"sendout_id": "s"})]


async def test_what_cannot_be_done_is_told_with_its_reason(
    api: httpx.AsyncClient, endpoint: str, dispatcher: Dispatcher
) -> None:
    dispatcher.result = {"status": "FAILED", "message": "its secret is sealed"}

    answer = await api.post(f"{endpoint}/test")

    assert answer.status_code == 409
    assert "its secret is sealed" in answer.json()["message"]
    known = await api.get(f"/v1/commands/{answer.json()['resource_id']}")
    assert known.json()["status"] == "FAILED"


async def test_a_replay_answers_with_its_command_once_it_has_a_task(
    api: httpx.AsyncClient,
    endpoint: str,
    database: AsyncDatabase[Document],
    dispatcher: Dispatcher,
) -> None:
    dispatcher.result = {"status": "ACCEPTED", "task_id": "task-1"}

    since = "2026-11-23T03:00:00+01:00"
    answer = await api.post(f"{endpoint}/replay", json={"since": since})

    command = answer.json()
    assert answer.status_code == 202
    assert command == {
        "object": "command",
        "id": command["id"],
        "kind": "endpoint.replay",
        "status": "ACCEPTED",
        "message": None,
        "task_id": "task-1",
        "created_at": "2026-11-24T03:00:00.000Z",
        "finished_at": None,
    }
    assert (await api.get(f"/v1/commands/{command['id']}")).json() == command
    [(_, parameters)] = await commands(database)
    assert parameters == {
        "endpoint_id": endpoint.rpartition("/")[2],
        "since": datetime.fromisoformat(since),
        "include_sent": False,
    }


@pytest.mark.parametrize("patience", [timedelta(milliseconds=50)])
async def test_what_takes_longer_answers_with_the_command(
    api: httpx.AsyncClient,
    endpoint: str,
    database: AsyncDatabase[Document],
    now: datetime,
) -> None:
    await database["sendouts"].insert_one(stored_sendout("s", now))

    answers = [
        await api.post(f"{endpoint}/enable"),
        await api.post(f"{endpoint}/disable"),
        await api.post(f"{endpoint}/test"),
        await api.post(f"{endpoint}/replay", json={"since": "2026-11-24T00:00:00Z"}),
        await api.post(f"{SENDOUTS}/s/retry"),
        await api.post(f"{SENDOUTS}/retry", json={"filter": {}}),
    ]

    assert {answer.status_code for answer in answers} == {202}
    assert {answer.json()["status"] for answer in answers} == {"ACCEPTED"}
    assert len(await commands(database)) == len(answers)


@pytest.mark.parametrize(
    ("action", "body", "said"),
    [
        ("replay", {}, "since: is needed"),
        ("replay", {"since": "soon"}, "RFC 3339"),
        ("replay", {"since": 5}, "RFC 3339"),
        ("replay", {"since": "2030-01-01T00:00:00Z"}, "must not be in the future"),
        ("replay", {"since": "2026-11-24", "include_sent": 1}, "true or false"),
        ("disable", {"reason": "x" * 501}, "1 to 500 characters"),
        ("disable", {"why": "x"}, "why: is unknown"),
        ("rotate-secret", {"grace": 1}, "grace: is unknown"),
    ],
)
async def test_an_action_that_cannot_be_read_is_refused_and_stores_nothing(
    api: httpx.AsyncClient,
    endpoint: str,
    database: AsyncDatabase[Document],
    action: str,
    body: dict[str, Any],
    said: str,
) -> None:
    answer = await api.post(f"{endpoint}/{action}", json=body)

    assert answer.status_code == 400
    assert said in answer.json()["message"]
    assert await commands(database) == []


async def test_nothing_is_asked_for_in_another_project(
    api: httpx.AsyncClient,
    endpoint: str,
    database: AsyncDatabase[Document],
    dispatcher: Dispatcher,
    new_key: MakeKey,
    now: datetime,
) -> None:
    await database["sendouts"].insert_one(stored_sendout("s", now, status="FAILED"))
    own = await api.post(f"{endpoint}/replay", json={"since": "2026-11-24T00:00:00Z"})
    other = {"authorization": f"Bearer {await new_key('other')}"}
    before = len(await commands(database))

    since = {"since": "2026-11-24T00:00:00Z"}
    answers = [
        await api.post(f"{endpoint}/enable", headers=other),
        await api.post(f"{endpoint}/disable", headers=other),
        await api.post(f"{endpoint}/test", headers=other),
        await api.post(f"{endpoint}/replay", json=since, headers=other),
        await api.get(f"{endpoint}/stats", headers=other),
        await api.post(f"{SENDOUTS}/s/retry", headers=other),
        await api.get(f"/v1/commands/{own.json()['id']}", headers=other),
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert len(await commands(database)) == before
    counted = await api.post(
        f"{SENDOUTS}/retry", json={"filter": {}, "dry_run": True}, headers=other
    )
    assert counted.json()["count"] == 0


async def test_a_dry_run_counts_what_a_retry_would_send(
    api: httpx.AsyncClient,
    database: AsyncDatabase[Document],
    dispatcher: Dispatcher,
    now: datetime,
) -> None:
    await database["sendouts"].insert_many(
        [
            *(stored_sendout(f"f{n}", now, status="FAILED") for n in range(3)),
            stored_sendout("sent", now),
            stored_sendout("held", now, status="HELD"),
            stored_sendout("else", now, status="FAILED", endpoint_id="we_2"),
            stored_sendout("old", now - timedelta(days=2), status="FAILED"),
        ]
    )
    body: dict[str, Any] = {"filter": {"endpoint_id": "we_1"}}

    counted = await api.post(f"{SENDOUTS}/retry", json={**body, "dry_run": True})
    assert await commands(database) == []
    done = await api.post(f"{SENDOUTS}/retry", json=body)

    expected = {
        "endpoint_id": ["we_1"],
        "status": ["FAILED"],
        "created_at[after]": ["2026-11-23T03:00:00.000Z"],
        "created_at[before]": ["2026-11-24T03:00:00.001Z"],
    }
    assert counted.status_code == 200
    assert counted.json() == {
        "object": "webhook_sendouts_retry",
        "dry_run": True,
        "count": 3,
        "at_least": False,
        "filter": expected,
    }
    assert done.status_code == 202
    assert await commands(database) == [
        ("sendouts.retry", {"filter": expected, "count": 3})
    ]
    conditions = {"project_id": "shop", **sendout_conditions(expected)}
    found = database["sendouts"].find(conditions).sort("_id", 1)
    assert [one["id"] async for one in found] == ["f0", "f1", "f2"]


async def test_more_than_ten_thousand_are_at_least_so_many(
    api: httpx.AsyncClient,
    database: AsyncDatabase[Document],
    dispatcher: Dispatcher,
    now: datetime,
) -> None:
    await database["sendouts"].insert_many(
        [
            stored_sendout(f"{n}", now - n * timedelta(seconds=1), status="HELD")
            for n in range(10_001)
        ]
    )
    body: dict[str, Any] = {"filter": {"status": ["HELD"], "endpoint_id": "we_1"}}

    more = await api.post(f"{SENDOUTS}/retry", json={**body, "dry_run": True})
    await api.post(f"{SENDOUTS}/retry", json=body)
    await database["sendouts"].delete_one({"id": "0"})
    exact = await api.post(f"{SENDOUTS}/retry", json={**body, "dry_run": True})

    assert (more.json()["count"], more.json()["at_least"]) == (10_000, True)
    assert (exact.json()["count"], exact.json()["at_least"]) == (10_000, False)
    [(_, parameters)] = await commands(database)
    assert "count" not in parameters


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "filter: is needed"),
        ({"filter": []}, "use an object of filters"),
        ({"filter": {"nonsense": "x"}}, "filter.nonsense: is unknown"),
        ({"filter": {"status": "DONE"}}, "filter.status: use SCHEDULED"),
        ({"filter": {"status": {"a": 1}}}, "filter.status: use a text"),
        ({"filter": {}, "dry_run": "yes"}, "dry_run: use true or false"),
    ],
)
async def test_a_bulk_retry_that_cannot_be_read_is_refused(
    api: httpx.AsyncClient, body: dict[str, Any], said: str
) -> None:
    answer = await api.post(f"{SENDOUTS}/retry", json=body)

    assert answer.status_code == 400
    assert said in answer.json()["message"]


async def test_stats_tell_of_the_last_day(
    api: httpx.AsyncClient,
    endpoint: str,
    database: AsyncDatabase[Document],
    now: datetime,
) -> None:
    one = endpoint.rpartition("/")[2]
    hour = timedelta(hours=1)
    error = {"kind": "timeout", "message": "took longer than 10 s"}
    failed = stored_attempt(1, now, error=error, duration_ms=500.0)
    sent = stored_attempt(2, now)
    await database["sendouts"].insert_many(
        [
            stored_sendout("a", now, failed, sent, endpoint_id=one),
            stored_sendout("b", now - hour, sent, endpoint_id=one),
            stored_sendout("c", now - hour, failed, endpoint_id=one, status="FAILED"),
            stored_sendout("d", now - hour, endpoint_id=one, status="SCHEDULED"),
            stored_sendout("e", now - 30 * hour, endpoint_id=one),
            stored_sendout("f", now, endpoint_id="we_else"),
        ]
    )

    stats = (await api.get(f"{endpoint}/stats")).json()

    hours = stats.pop("hours")
    assert stats == {
        "object": "webhook_endpoint_stats",
        "endpoint_id": one,
        "since": "2026-11-23T04:00:00.000Z",
        "until": "2026-11-24T03:00:00.000Z",
        "success_rate": 0.5,
        "p95_duration_ms": 500.0,
        "statuses": {"SCHEDULED": 1, "SENT": 2, "RETRYING": 0, "FAILED": 1, "HELD": 0},
        "based_on": {
            "sendouts": 4,
            "attempts": 4,
            "since": "2026-11-24T02:00:00.000Z",
            "complete": True,
        },
    }
    assert len(hours) == 24
    assert hours[0] == {"hour": "2026-11-23T04:00:00.000Z", "sendouts": 0}
    assert [each["sendouts"] for each in hours[-3:]] == [0, 3, 1]


async def test_stats_of_nothing_are_null(api: httpx.AsyncClient, endpoint: str) -> None:
    stats = (await api.get(f"{endpoint}/stats")).json()

    assert (stats["success_rate"], stats["p95_duration_ms"]) == (None, None)
    assert stats["based_on"]["since"] is None
