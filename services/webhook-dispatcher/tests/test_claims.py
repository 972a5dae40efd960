"""Sendouts taken and recorded: by one at a time, and by nobody who woke up late."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import pytest_asyncio
from daybook.events.reading import EventReader
from daybook.events.webhook import WebhookPublished
from daybook.runtime.mongo import durable
from daybook.storage.sendouts import MOST_ATTEMPTS_KEPT, ensure_sendouts
from daybook.testing.records import FakeRecord, webhook_event
from daybook.testing.waiting import eventually
from pymongo import AsyncMongoClient
from webhook_dispatcher.answers import ErrorKind, Failure
from webhook_dispatcher.claims import Claims, Done
from webhook_dispatcher.documents import sendout_document
from webhook_dispatcher.endpoints import Endpoint
from webhook_dispatcher.excerpts import Excerpt
from webhook_dispatcher.outcomes import Outcome
from webhook_dispatcher.sender import Attempt

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ENDPOINT = Endpoint("demo", "we_1", ("*",), True)
URL = "https://hooks.example/$x"
LONG, SHORT = timedelta(seconds=60), timedelta(milliseconds=200)


class World:
    def __init__(self, sendouts: Any) -> None:
        self.sendouts = sendouts
        self._tokens = count()

    def claims(self, lease: timedelta = LONG) -> Claims:
        return Claims(self.sendouts, lambda: f"token-{next(self._tokens)}", lease)

    async def make(self, number: int, **more: Any) -> None:
        record = FakeRecord(webhook_event(id=f"e-{number}"))
        event = EventReader([WebhookPublished]).read(record)
        due = NOW + timedelta(seconds=number)
        made = sendout_document(
            event, record, ENDPOINT, tier="shared", now=due, held=False
        )
        await self.sendouts.insert_one(made | more)

    async def only(self) -> Any:
        return await self.sendouts.find_one()


@pytest_asyncio.fixture
async def world(
    mongo_client: AsyncMongoClient[dict[str, Any]], database_name: str
) -> World:
    sendouts = durable(mongo_client[database_name])["sendouts"]
    await ensure_sendouts(sendouts, {"shared": timedelta(days=180)})
    return World(sendouts)


def sent(sendout: Any) -> Done:
    body = Excerpt("ok", "utf-8", truncated=False)
    attempt = Attempt(
        started_at=NOW,
        duration_ms=12.5,
        request_headers=(("webhook-id", "$id"),),
        status_code=200,
        response_headers=(("server", "x"),),
        response_body=body,
    )
    return Done(sendout, attempt, Outcome("SENT"), URL)


def failed(sendout: Any, wait_s: float | None = 60, words: str = "$$ROOT") -> Done:
    error = Failure(ErrorKind.CONNECT, words)
    attempt = Attempt(started_at=NOW, duration_ms=1, request_headers=(), error=error)
    status = "FAILED" if wait_s is None else "RETRYING"
    return Done(sendout, attempt, Outcome(status, wait_s, words), URL)


async def test_what_is_due_longest_is_taken_first_and_no_more_than_asked(
    world: World,
) -> None:
    for number in (3, 1, 2):
        await world.make(number)

    taken = await world.claims().take(ENDPOINT, 2)

    assert [one["event_id"] for one in taken] == ["e-1", "e-2"]
    assert {one["claim"] for one in taken} == {1}
    assert [one["event_id"] for one in await world.claims().take(ENDPOINT, 9)] == [
        "e-3"
    ]


async def test_two_that_take_at_once_share_and_take_nothing_twice(
    world: World,
) -> None:
    for number in range(50):
        await world.make(number)

    shares = await asyncio.gather(
        *(world.claims().take(ENDPOINT, 50) for _ in range(4))
    )

    ids = [one["_id"] for share in shares for one in share]
    assert len(ids) == len(set(ids)) == 50


async def test_what_is_not_due_or_anothers_or_settled_is_left(world: World) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    await world.make(1, next_attempt_at=later)
    await world.make(2, endpoint_id="we_2")
    await world.make(3, waiting=False)

    assert await world.claims().take(ENDPOINT, 9) == []


async def test_what_was_sent_is_settled_with_its_attempt(world: World) -> None:
    await world.make(1)
    claims = world.claims()
    (taken,) = await claims.take(ENDPOINT, 1)

    assert await claims.record([sent(taken)]) == 1

    stored = await world.only()
    assert (stored["status"], stored["attempts"], stored["tries"]) == ("SENT", 1, 1)
    assert stored["target_url"] == URL
    assert stored["executed_at"] == NOW
    assert stored["settled_at"] > NOW
    gone = {"waiting", "next_attempt_at", "claimed_by", "last_error", "failed"}
    assert not gone & set(stored)
    assert stored["history"] == [
        {
            "attempt": 1,
            "trigger": "first",
            "started_at": NOW,
            "duration_ms": 12.5,
            "status_code": 200,
            "request_headers": [["webhook-id", "$id"]],
            "response_headers": [["server", "x"]],
            "response_body": {"text": "ok", "encoding": "utf-8", "truncated": False},
        }
    ]


async def test_what_failed_is_due_again_after_its_wait_by_the_databases_clock(
    world: World,
) -> None:
    await world.make(1)
    claims = world.claims()
    (taken,) = await claims.take(ENDPOINT, 1)

    await claims.record([failed(taken, wait_s=3600)])

    stored = await world.only()
    assert (stored["status"], stored["failed"], stored["waiting"]) == (
        "RETRYING",
        True,
        True,
    )
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    assert abs(stored["next_attempt_at"] - in_an_hour) < timedelta(minutes=1)
    assert stored["last_error"] == {
        "kind": "connect",
        "message": "$$ROOT",
        "status_code": None,
    }
    assert stored["history"][0]["next_attempt_at"] == stored["next_attempt_at"]
    assert stored["trigger"] == "retry"
    assert "settled_at" not in stored


async def test_what_is_given_up_is_settled(world: World) -> None:
    await world.make(1)
    claims = world.claims()
    (taken,) = await claims.take(ENDPOINT, 1)

    await claims.record([failed(taken, wait_s=None)])

    stored = await world.only()
    assert (stored["status"], stored["failed"]) == ("FAILED", True)
    assert "settled_at" in stored
    assert "waiting" not in stored


async def test_a_claimer_that_died_leaves_its_work_to_the_next(world: World) -> None:
    await world.make(1)
    dead = world.claims(SHORT)
    await dead.take(ENDPOINT, 1)
    taken: list[Any] = []

    async def is_due_again() -> bool:
        taken.extend(await world.claims().take(ENDPOINT, 1))
        return bool(taken)

    await eventually(is_due_again, within=10)

    assert taken[0]["claim"] == 2


async def test_who_woke_up_late_overwrites_nothing(world: World) -> None:
    await world.make(1)
    frozen = world.claims(timedelta(0))
    (early,) = await frozen.take(ENDPOINT, 1)
    (late,) = await world.claims().take(ENDPOINT, 1)

    assert await frozen.record([failed(early, wait_s=None)]) == 0
    await frozen.renew([early])
    assert await world.claims().record([sent(late)]) == 1

    stored = await world.only()
    assert (stored["status"], stored["attempts"]) == ("SENT", 1)
    assert [entry["attempt"] for entry in stored["history"]] == [2]


async def test_a_record_that_is_written_twice_counts_once(world: World) -> None:
    """As after an answer of the database that was lost on its way."""
    await world.make(1)
    claims = world.claims()
    (taken,) = await claims.take(ENDPOINT, 1)

    written = [await claims.record([failed(taken)]) for _ in range(2)]

    assert written == [1, 0]
    assert (await world.only())["attempts"] == 1


async def test_a_lease_that_is_renewed_is_not_taken_over(world: World) -> None:
    await world.make(1)
    brief = world.claims(timedelta(0))
    (taken,) = await brief.take(ENDPOINT, 1)
    await world.claims(LONG).renew([taken])

    assert await world.claims().take(ENDPOINT, 1) == []
    assert await brief.record([sent(taken)]) == 1


@pytest.mark.parametrize("kept", [MOST_ATTEMPTS_KEPT])
async def test_of_a_long_history_the_latest_are_kept(world: World, kept: int) -> None:
    await world.make(1, history=[{"attempt": -number} for number in range(kept)])
    claims = world.claims()
    (taken,) = await claims.take(ENDPOINT, 1)

    await claims.record([sent(taken)])

    history = (await world.only())["history"]
    assert len(history) == kept
    assert history[-1]["attempt"] == 1
