"""Taking sendouts to send them, and recording what came of it, each under its claim.

A claim is a number that is raised by whoever takes a sendout; every later write names
it and is dropped where it has moved. So a dispatcher that was frozen and woke up
overwrites nothing. A sendout whose claimer dies is due again once its lease is over.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from daybook.runtime.mongo import Document
from daybook.storage.sendouts import (
    MOST_ATTEMPTS_KEPT,
    WORK_BY_ENDPOINT,
    SendoutStatus,
)
from pymongo import UpdateOne
from pymongo.asynchronous.collection import AsyncCollection

from webhook_dispatcher.endpoints import Endpoint
from webhook_dispatcher.excerpts import Excerpt
from webhook_dispatcher.outcomes import Outcome
from webhook_dispatcher.sender import Attempt

# Caps one write; the rest follows at once.
_SETTLED_AT_ONCE = 1_000
_DUE = {"$expr": {"$lte": ["$next_attempt_at", "$$NOW"]}}


@dataclass(frozen=True, slots=True)
class Done:
    """One attempt that was made under a claim, and what follows from it."""

    sendout: Document
    attempt: Attempt
    outcome: Outcome
    target_url: str

    @property
    def endpoint_key(self) -> str:
        """The ``_id`` of its endpoint."""
        return f"{self.sendout['project_id']}/{self.sendout['endpoint_id']}"


class Claims:
    """Claims and records. ``sendouts`` answers once a majority has journaled a write.

    All raise ``PyMongoError`` where the database is away: claiming is left for later,
    a record is made again.
    """

    def __init__(
        self,
        sendouts: AsyncCollection[Document],
        new_token: Callable[[], str],
        lease: timedelta,
    ) -> None:
        self._sendouts = sendouts
        self._new_token = new_token
        self._lease_ms = int(lease.total_seconds() * 1000)

    async def take(
        self, endpoint: Endpoint, most: int, *, tests_alone: bool = False
    ) -> list[Document]:
        """At most ``most`` of what is due to the endpoint, what is due longest first.

        Nobody else takes them before the lease is over.
        """
        work: Document = {**_of(endpoint), "waiting": True, **_DUE}
        if tests_alone:
            work["trigger"] = "test"
        due = self._sendouts.find(
            work,
            {"_id": 1},
            sort=[("next_attempt_at", 1)],
            limit=most,
            hint=WORK_BY_ENDPOINT,
        )
        ids = [found["_id"] async for found in due]
        if not ids:
            return []
        token = self._new_token()
        claimed: Document = {
            "claim": {"$add": ["$claim", 1]},
            "claimed_by": token,
            "next_attempt_at": {"$add": ["$$NOW", self._lease_ms]},
        }
        await self._sendouts.update_many(
            {"_id": {"$in": ids}, "waiting": True, **_DUE}, [{"$set": claimed}]
        )
        mine = self._sendouts.find({"_id": {"$in": ids}, "claimed_by": token})
        taken = {found["_id"]: found async for found in mine}
        return [taken[one] for one in ids if one in taken]

    async def next_due_s(self, endpoint: Endpoint) -> float | None:
        """Seconds until something of the endpoint's is due; None: nothing waits."""
        pipeline: list[Document] = [
            {"$match": {**_of(endpoint), "waiting": True}},
            {"$sort": {"next_attempt_at": 1}},
            {"$limit": 1},
            {"$project": {"ms": {"$subtract": ["$next_attempt_at", "$$NOW"]}}},
        ]
        async with await self._sendouts.aggregate(
            pipeline, hint=WORK_BY_ENDPOINT
        ) as cursor:
            async for found in cursor:
                return max(0.0, found["ms"] / 1000)
        return None

    async def due(self, endpoint: Endpoint, most: int) -> tuple[int, float]:
        """How many of the endpoint's sendouts are due and under no lease, ``most`` at
        most, and for how many seconds the first of them has been.
        """
        pipeline: list[Document] = [
            {"$match": {**_of(endpoint), "waiting": True, **_DUE}},
            {"$sort": {"next_attempt_at": 1}},
            {"$limit": most},
            {
                "$group": {
                    "_id": None,
                    "count": {"$sum": 1},
                    "first": {"$first": "$next_attempt_at"},
                }
            },
            {"$set": {"ms": {"$subtract": ["$$NOW", "$first"]}}},
        ]
        async with await self._sendouts.aggregate(
            pipeline, hint=WORK_BY_ENDPOINT
        ) as cursor:
            async for found in cursor:
                return found["count"], max(0.0, found["ms"] / 1000)
        return 0, 0.0

    async def held_by_others(self, endpoint: Endpoint, most: int) -> int:
        """How many of the endpoint's sendouts are under a live lease, ``most`` at most.

        What a new owner counts as in flight until it hears of them.
        """
        leased: Document = {
            **_of(endpoint),
            "waiting": True,
            "claimed_by": {"$exists": True},
            "$expr": {"$gt": ["$next_attempt_at", "$$NOW"]},
        }
        return await self._sendouts.count_documents(
            leased, limit=most, hint=WORK_BY_ENDPOINT
        )

    async def settle(
        self,
        endpoint: Endpoint,
        status: SendoutStatus,
        words: str | None,
        *,
        tests_too: bool = False,
    ) -> int:
        """Hold or fail some of what waits and is under no lease; how many.

        Call it until there are none. A test is sent all the same, unless told.
        """
        free: Document = {
            **_of(endpoint),
            "waiting": True,
            **({} if tests_too else {"trigger": {"$ne": "test"}}),
            "$or": [
                {"claimed_by": {"$exists": False}},
                {"$expr": {"$lte": ["$next_attempt_at", "$$NOW"]}},
            ],
        }
        some = self._sendouts.find(free, {"_id": 1}, limit=_SETTLED_AT_ONCE)
        ids = [found["_id"] async for found in some]
        settled: Document = {
            "status": status,
            "failed": True,
            "settled_at": "$$NOW",
            "waiting": "$$REMOVE",
            "next_attempt_at": "$$REMOVE",
            "claimed_by": "$$REMOVE",
            "claim": {"$add": ["$claim", 1]},
        }
        if words is not None:
            error = {"kind": "status", "message": words, "status_code": None}
            settled["last_error"] = {"$literal": error}
        if not ids:
            return 0
        result = await self._sendouts.update_many(
            {"_id": {"$in": ids}, **free}, [{"$set": settled}]
        )
        return result.modified_count

    async def renew(self, sendouts: Sequence[Document]) -> None:
        """Keep the leases of these: their results are not written yet."""
        until = {"$add": ["$$NOW", self._lease_ms]}
        await self._sendouts.bulk_write(
            [
                UpdateOne(_claimed(one), [{"$set": {"next_attempt_at": until}}])
                for one in sendouts
            ],
            ordered=False,
        )

    async def record(self, done: Sequence[Done]) -> int:
        """Write what came of these attempts; how many were still under their claim.

        Safe to repeat: a second write finds the claim of none.
        """
        if not done:
            return 0
        result = await self._sendouts.bulk_write(
            [
                UpdateOne(_claimed(one.sendout), [{"$set": _after(one)}, _TIDY])
                for one in done
            ],
            ordered=False,
        )
        return result.matched_count


def _of(endpoint: Endpoint) -> Document:
    return {"project_id": endpoint.project_id, "endpoint_id": endpoint.id}


def _claimed(sendout: Document) -> Document:
    return {
        "_id": sendout["_id"],
        "claim": sendout["claim"],
        "claimed_by": sendout["claimed_by"],
    }


def _after(done: Done) -> Document:
    attempt, outcome = done.attempt, done.outcome
    error = _error(done)
    after: Document = {
        "status": outcome.status,
        "attempts": {"$add": ["$attempts", 1]},
        "tries": {"$add": ["$tries", 1]},
        "executed_at": attempt.started_at,
        "target_url": {"$literal": done.target_url},
        "last_error": {"$literal": error} if error else "$$REMOVE",
        "claimed_by": "$$REMOVE",
    }
    entry: Document = {"$literal": _entry(done, error)}
    if outcome.wait_s is None:
        after |= {
            "waiting": "$$REMOVE",
            "next_attempt_at": "$$REMOVE",
            "settled_at": "$$NOW",
        }
    else:
        due = {"$add": ["$$NOW", round(outcome.wait_s * 1000)]}
        after |= {"next_attempt_at": due, "trigger": "retry"}
        entry = {"$mergeObjects": [entry, {"next_attempt_at": due}]}
    after["failed"] = "$$REMOVE" if outcome.status == "SENT" else True
    after["history"] = {"$concatArrays": ["$history", [entry]]}
    return after


# Of a long history the latest are kept.
_TIDY: Document = {"$set": {"history": {"$slice": ["$history", -MOST_ATTEMPTS_KEPT]}}}


def _error(done: Done) -> Document | None:
    failure = done.attempt.error
    if failure is None:
        return None
    return {
        "kind": str(failure.kind),
        "message": done.outcome.words,
        "status_code": done.attempt.status_code,
    }


def _entry(done: Done, error: Document | None) -> Document:
    attempt = done.attempt
    entry: dict[str, Any] = {
        "attempt": done.sendout["claim"],
        "trigger": done.sendout["trigger"],
        "started_at": attempt.started_at,
        "duration_ms": attempt.duration_ms,
        "status_code": attempt.status_code,
        "request_headers": [list(header) for header in attempt.request_headers],
        "response_headers": _headers(attempt.response_headers),
        "response_body": _excerpt(attempt.response_body),
        "error": error,
    }
    return {name: value for name, value in entry.items() if value is not None}


def _headers(headers: Sequence[tuple[str, str]] | None) -> list[list[str]] | None:
    return None if headers is None else [list(header) for header in headers]


def _excerpt(body: Excerpt | None) -> Document | None:
    if body is None:
        return None
    return {"text": body.text, "encoding": body.encoding, "truncated": body.truncated}
