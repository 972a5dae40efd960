"""What filters of sendouts find, by a real database."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from daybook.storage.sendout_filters import (
    ATTEMPTS_FROM,
    CREATED_AFTER,
    CREATED_BEFORE,
    sendout_conditions,
)
from daybook.storage.webhook_endpoints import asks_for
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def sendouts(
    mongo_client: AsyncMongoClient[dict[str, Any]], database_name: str
) -> AsyncCollection[dict[str, Any]]:
    return mongo_client[database_name]["sendouts"]


async def found(
    sendouts: AsyncCollection[dict[str, Any]], **values: Sequence[str]
) -> list[Any]:
    conditions = sendout_conditions(values)
    return [one["_id"] async for one in sendouts.find(conditions).sort("_id", 1)]


PATTERNS = ("*", "voucher.*", "*.created", "v*r.c*d", "voucher.created", "a**b", "+*")
TYPES = ("voucher.created", "voucher", "a\nb", "ab", "ab\n", "a.b", "+1", "é.created")


@pytest.mark.parametrize("pattern", PATTERNS)
async def test_a_pattern_finds_what_an_endpoint_with_it_would_get(
    sendouts: AsyncCollection[dict[str, Any]], pattern: str
) -> None:
    documents = [{"_id": name, "event_type": name} for name in TYPES]
    await sendouts.insert_many(documents)

    expected = sorted(name for name in TYPES if asks_for([pattern], name))
    assert await found(sendouts, event_type=[pattern]) == expected


async def test_a_pattern_of_many_stars_fails_at_once(
    sendouts: AsyncCollection[dict[str, Any]],
) -> None:
    await sendouts.insert_one({"_id": 1, "event_type": "a" * 250})

    assert await found(sendouts, event_type=["a" + "*a" * 60 + "b", "b"]) == []


async def test_a_status_code_is_the_last_attempts(
    sendouts: AsyncCollection[dict[str, Any]],
) -> None:
    answers: dict[int, list[int | None]] = {
        1: [500, 200],
        2: [200, 404],
        3: [500, None],
        4: [],
    }
    await sendouts.insert_many(
        [
            {
                "_id": number,
                "attempts": len(codes),
                "history": [{"status_code": one} if one else {} for one in codes],
            }
            for number, codes in answers.items()
        ]
    )

    assert await found(sendouts, status_code=["200"]) == [1]
    assert await found(sendouts, status_code=["4xx", "200"]) == [1, 2]
    assert await found(sendouts, status_code=["5xx"]) == []
    assert await found(sendouts, status_code=["null"]) == [3]


async def test_filters_are_and_and_their_values_or(
    sendouts: AsyncCollection[dict[str, Any]],
) -> None:
    await sendouts.insert_many(
        [
            {"_id": 1, "status": "FAILED", "attempts": 3, "created_at": AT},
            {"_id": 2, "status": "HELD", "attempts": 1, "created_at": AT},
            {"_id": 3, "status": "SENT", "attempts": 4, "created_at": AT},
        ]
    )

    statuses = ["FAILED", "HELD"]
    time = "2026-11-25T12:00:00.000Z"
    assert await found(sendouts, status=statuses) == [1, 2]
    assert await found(sendouts, status=statuses, **{ATTEMPTS_FROM: ["2"]}) == [1]
    assert await found(sendouts, **{CREATED_AFTER: [time]}) == [1, 2, 3]
    assert await found(sendouts, **{CREATED_BEFORE: [time]}) == []


def test_a_filter_that_nobody_knows_is_refused() -> None:
    with pytest.raises(KeyError):
        sendout_conditions({"nonsense": ["x"]})
