"""Which index an export is read by, and that it is read in order: nothing is sorted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from daybook.exports.conditions import select
from daybook.exports.parameters import read_parameters
from daybook.storage.logs import BY_REF, BY_TIME, FAILURES_BY_TIME, ensure_logs
from daybook.storage.sendouts import ensure_sendouts
from daybook.testing.explaining import explain
from daybook.testing.stored_logs import stored_log
from daybook.testing.stored_sendouts import stored_attempt, stored_sendout
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

Document = dict[str, Any]
Database = AsyncDatabase[Document]

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
TIERS = {"shared": timedelta(days=180)}
FROM, TO = "2026-11-24T01:00:00.000Z", "2026-11-24T02:00:00.000Z"


@pytest_asyncio.fixture
async def database(
    mongo_client: AsyncMongoClient[Document], database_name: str
) -> Database:
    database = mongo_client[database_name]
    await ensure_logs(database["logs"], TIERS)
    await ensure_sendouts(database["sendouts"], TIERS)
    await database["logs"].insert_many(
        stored_log(
            f"l{n}", NOW - timedelta(minutes=n), status_code=404 if n % 9 == 0 else 200
        )
        for n in range(300)
    )
    return database


def filtered(junction: str = "and", **fields: Document) -> Document:
    return {
        "junction": junction,
        **{name: {"conditions": conditions} for name, conditions in fields.items()},
    }


@pytest.mark.parametrize("up", [1, -1])
@pytest.mark.parametrize(
    ("filters", "index", "most_keys"),
    [
        ({}, BY_TIME, 300),
        (filtered(status={"$is": "FAILURE"}), FAILURES_BY_TIME, 34),
        (filtered(created_at={"$more_than_equal": FROM, "$before": TO}), BY_TIME, 60),
        (filtered(channel={"$in": ["API"]}, url={"$contains": "l7"}), BY_TIME, 300),
        (
            filtered(
                junction="or",
                status={"$is": "FAILURE"},
                created_at={"$after": TO},
                status_code={"$in": ["4xx", "null"]},
            ),
            BY_TIME,
            300,
        ),
    ],
)
async def test_logs_are_read_along_an_index(
    database: Database, filters: Document, index: str, most_keys: int, up: int
) -> None:
    body = {"exported_object": "api_log", "parameters": {"filters": filters}}

    selection = select(read_parameters(body), "shop", NOW + timedelta(days=1))

    explained = await explain(
        database,
        {
            "find": "logs",
            "filter": selection.match,
            "sort": {"created_at": up, "_id": up},
            "hint": selection.index,
        },
    )
    assert explained.indexes == {index}
    assert "SORT" not in explained.names
    assert explained.keys <= most_keys


@pytest.mark.parametrize(
    ("filters", "refs"),
    [
        (filtered(request_id={"$is": "req-1"}), ("request:req-1",)),
        (
            filtered(endpoint={"$in": ["GET /a"]}, task_id={"$in": ["t1", "t2"]}),
            ("task:t1", "task:t2"),
        ),
        (filtered(user={"$is": "Ann@X"}), ("user:Ann@X", "email:ann@x")),
        # What is empty has no reference, and what is told by any field needs all.
        (filtered(user_id={"$in": ["", "u"]}), None),
        (filtered(junction="or", request_id={"$is": "req-1"}), None),
        (filtered(request_id={"$is_not": "req-1"}), None),
    ],
)
def test_the_rarest_reference_is_walked(
    filters: Document, refs: tuple[str, ...] | None
) -> None:
    body = {"exported_object": "api_log", "parameters": {"filters": filters}}

    selection = select(read_parameters(body), "shop", NOW)

    assert selection.refs == refs
    assert selection.index == (BY_TIME if refs is None else BY_REF)


@pytest.mark.parametrize("name", ["api_log", "webhook_sendout", "webhook_attempt"])
def test_a_window_bounds_the_hours_that_are_walked_at_both_ends(name: str) -> None:
    filters = filtered(created_at={"$more_than_equal": FROM, "$before": TO})
    body = {"exported_object": name, "parameters": {"filters": filters}}

    window = select(read_parameters(body), "shop", NOW).match["created_at"]

    assert window["$gte"] == datetime.fromisoformat(FROM)
    assert window["$lt"] == datetime.fromisoformat(TO)


@pytest.mark.parametrize(
    ("junction", "expected"),
    [("and", {"s1/2"}), ("or", {"s1/1", "s1/2", "s2/1"})],
)
async def test_filters_of_attempts_act_on_each_attempt_beside_those_of_its_sendout(
    database: Database, junction: str, expected: set[str]
) -> None:
    bad, good = stored_attempt(1, NOW, status_code=500), stored_attempt(2, NOW)
    await database["sendouts"].insert_many(
        [
            stored_sendout("s1", NOW, bad, good, endpoint_id="we_a"),
            stored_sendout("s2", NOW, stored_attempt(1, NOW), endpoint_id="we_b"),
            stored_sendout("s3", NOW, bad, endpoint_id="we_b"),
        ]
    )
    filters = filtered(
        junction=junction, endpoint_id={"$is": "we_a"}, status_code={"$is": [200]}
    )
    body = {"exported_object": "webhook_attempt", "parameters": {"filters": filters}}
    selection = select(read_parameters(body), "shop", NOW)

    read = await database["sendouts"].aggregate(
        [
            {"$match": selection.match},
            {"$unwind": "$history"},
            {"$match": selection.attempts},
        ],
        hint=selection.index,
    )

    found = {f"{one['id']}/{one['history']['attempt']}" async for one in read}
    assert found == expected
