"""Whole batches refused, guilty records found, and a database that goes away."""

import asyncio
from random import Random
from typing import Any

import pytest
from daybook.events.cloudevent import CloudEvent
from daybook.events.request import RequestCompleted
from daybook.runtime.metrics import IngestMetrics
from daybook.runtime.mongo import durable
from daybook.storage.logs import ensure_logs
from daybook.storage.tiers import parse_tiers, ttl_index_name
from daybook.testing.records import DATA, FakeRecord
from daybook.testing.servers import ServerHandle
from ingest.documents import log_document
from ingest.judge import LARGEST_DOCUMENT, Accepted, decode, encode
from ingest.repository import EventRepository
from prometheus_client import CollectorRegistry
from pymongo import AsyncMongoClient
from pymongo.errors import AutoReconnect, DocumentTooLarge, OperationFailure


def accepted(identity: str, source: str = "shop") -> Accepted:
    event = CloudEvent(
        RequestCompleted, identity, source, "demo", None, None, None, DATA
    )
    record = FakeRecord(b"{}")
    document = encode(log_document(event, record, "shared"))
    return Accepted(document, record, source, "logs")


def repository(collection: Any) -> EventRepository:
    metrics = IngestMetrics(CollectorRegistry())
    return EventRepository(collection, Random(1), metrics)


class Refusing:
    """A collection whose command fails whole when a guilty document is in it."""

    def __init__(self, *guilty: str) -> None:
        self.guilty = {f"demo/{identity}" for identity in guilty}
        self.stored: list[str] = []
        self.away: list[Exception] = []
        self.error: Exception = DocumentTooLarge("too large")

    async def insert_many(self, documents: list[Any], *, ordered: bool) -> None:
        assert not ordered
        if self.away:
            raise self.away.pop()
        ids = [str(document["_id"]) for document in documents]
        if self.guilty.intersection(ids):
            raise self.error
        self.stored += ids


async def test_a_batch_refused_whole_is_halved_until_the_guilty_stand_alone() -> None:
    collection = Refusing("e-3", "e-12")
    batch = [accepted(f"e-{number}") for number in range(16)]

    outcome = await repository(collection).insert(batch)

    assert outcome.stored == 14
    assert len(collection.stored) == 14
    guilty = [letter.record for letter in outcome.refused]
    assert guilty == [batch[3].record, batch[12].record]
    assert all("too large" in letter.fault.reason for letter in outcome.refused)


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect("connection closed"),
        OperationFailure("shutting down", 91),
        OperationFailure("not authorized", 13),
    ],
)
async def test_a_database_that_is_away_is_waited_for(error: Exception) -> None:
    collection = Refusing()
    collection.away = [error, error]

    outcome = await repository(collection).insert([accepted("e-1")])

    assert collection.stored == ["demo/e-1"]
    assert outcome.refused == []


async def test_a_document_that_the_database_refuses_is_dead_lettered_alone(
    mongo_client: AsyncMongoClient[dict[str, Any]], database_name: str
) -> None:
    database = durable(mongo_client[database_name])
    await database.create_collection("logs", validator={"id": {"$ne": "refused"}})
    batch = [accepted("a"), accepted("refused"), accepted("b")]

    outcome = await repository(database["logs"]).insert(batch)

    assert outcome.stored == 2
    assert [letter.record for letter in outcome.refused] == [batch[1].record]
    assert "failed validation" in outcome.refused[0].fault.reason


async def test_a_document_at_the_bound_is_kept_beside_another_sources(
    mongo_client: AsyncMongoClient[dict[str, Any]], database_name: str
) -> None:
    """The id that sets its source apart makes it larger than ours may be."""
    collection = durable(mongo_client[database_name])["logs"]
    store = repository(collection)
    await store.insert([accepted("e-1")])
    document = decode(accepted("e-1", source="other").document) | {"filling": ""}
    room = LARGEST_DOCUMENT - len(encode(document))
    largest = encode(document | {"filling": "x" * room})

    outcome = await store.insert(
        [Accepted(largest, FakeRecord(b"{}"), "other", "logs")]
    )

    assert (outcome.stored, outcome.refused) == (1, [])
    assert await collection.count_documents({}) == 2


async def test_a_restart_of_the_database_in_the_midst_loses_nothing(
    mongodb_server: ServerHandle,
) -> None:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        mongodb_server.address, serverSelectionTimeoutMS=1_000
    )
    async with client:
        logs = durable(client["daybook"])["logs"]
        await repository(logs).insert([accepted("before")])
        await mongodb_server.kill()
        writing = asyncio.create_task(repository(logs).insert([accepted("during")]))
        await mongodb_server.start()
        outcome = await writing

        assert outcome.stored + outcome.redelivered == 1
        assert await logs.count_documents({}) == 2


async def test_each_tier_has_its_own_ttl_and_a_change_is_made_in_place(
    mongo_client: AsyncMongoClient[dict[str, Any]], database_name: str
) -> None:
    logs = mongo_client[database_name]["logs"]
    await ensure_logs(logs, parse_tiers("shared=180d,dedicated=365d"))

    await ensure_logs(logs, parse_tiers("shared=90d,dedicated=365d,eternal=9999d"))

    indexes = await logs.index_information()
    kept = {
        tier: indexes[ttl_index_name(tier)]["expireAfterSeconds"] // 86400
        for tier in ("shared", "dedicated", "eternal")
    }
    assert kept == {"shared": 90, "dedicated": 365, "eternal": 9999}
    assert indexes[ttl_index_name("shared")]["partialFilterExpression"] == {
        "tier": "shared"
    }
    assert len(indexes) == 1 + 3 + 3  # _id, three by time and reference, the TTLs
