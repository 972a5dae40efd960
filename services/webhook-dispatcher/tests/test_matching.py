"""Which endpoints an event is for, and the sendouts that are made of it, each once."""

import fnmatch
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from daybook.events.reading import EventReader
from daybook.events.webhook import WebhookPublished
from daybook.runtime.mongo import durable
from daybook.storage.sendouts import WORK_BY_ENDPOINT, ensure_sendouts
from daybook.storage.webhook_endpoints import VERSION_ID, asks_for, slot_of
from daybook.testing.records import FakeRecord, webhook_event
from hypothesis import given
from hypothesis import strategies as st
from pymongo import AsyncMongoClient
from webhook_dispatcher.documents import sendout_document
from webhook_dispatcher.endpoints import Endpoint, Endpoints
from webhook_dispatcher.repository import SendoutRepository

NOW = datetime(2026, 11, 25, 12, 0, 0, 250_000, tzinfo=UTC)
TEXT = st.text(alphabet="ab.*?[\n", max_size=8)


@pytest.mark.parametrize(
    ("pattern", "event_type", "asked"),
    [
        ("*", "voucher.created", True),
        ("voucher.*", "voucher.created", True),
        ("voucher.*", "voucher.code.created", True),  # it spans dots
        ("voucher.*", "voucher", False),
        ("*.created", "voucher.created", True),
        ("voucher.created", "voucher.created.x", False),
        ("v*r.c*d", "voucher.created", True),
        ("voucher?created", "voucher.created", False),
        ("a" + "*a" * 60 + "b", "a" * 250, False),  # and is told at once
    ],
)
def test_a_star_is_any_text(pattern: str, event_type: str, asked: bool) -> None:
    assert asks_for([pattern], event_type) is asked


@given(TEXT, TEXT)
def test_patterns_match_as_the_shells_do_with_stars_alone(
    pattern: str, text: str
) -> None:
    quoted = "".join(f"[{one}]" if one in "?[" else one for one in pattern)

    assert asks_for([pattern], text) is fnmatch.fnmatchcase(text, quoted)


def test_a_slot_is_the_same_in_every_process() -> None:
    assert slot_of("demo/we_1") == 41
    assert {slot_of(f"demo/we_{number}") for number in range(2_000)} == set(range(64))


class Control:
    """The control plane: it stores endpoints and raises their version."""

    def __init__(self, collection: Any) -> None:
        self.collection = collection

    async def store(self, name: str, *patterns: str, **more: Any) -> None:
        document = {
            "project_id": "demo",
            "id": name,
            "event_types": list(patterns),
            "active": True,
            **more,
        }
        identity = {"_id": f"demo/{name}"}
        await self.collection.replace_one(identity, document, upsert=True)
        version = {"$inc": {"version": 1}}
        await self.collection.update_one({"_id": VERSION_ID}, version, upsert=True)


@pytest.fixture
def control(
    mongo_client: AsyncMongoClient[dict[str, Any]], database_name: str
) -> Control:
    return Control(mongo_client[database_name]["webhook_endpoints"])


def asking(endpoints: Endpoints, event_type: str, project: str = "demo") -> set[str]:
    return {endpoint.id for endpoint in endpoints.asking_for(project, event_type)}


async def test_an_endpoint_is_known_as_soon_as_it_is_stored_and_gone_with_it(
    control: Control,
) -> None:
    endpoints = Endpoints(control.collection)
    await endpoints.refresh()
    assert asking(endpoints, "voucher.created") == set()

    await control.store("we_1", "voucher.*")
    await control.store("we_2", "order.*", "voucher.created")
    await endpoints.refresh()
    assert asking(endpoints, "voucher.created") == {"we_1", "we_2"}
    assert asking(endpoints, "order.paid") == {"we_2"}
    assert asking(endpoints, "voucher.created", "other") == set()

    await control.store("we_1", "voucher.*", deleted_at=NOW)
    await endpoints.refresh()
    assert asking(endpoints, "voucher.created") == {"we_2"}


def document(*, event_id: str = "e-1", held: bool = False, **more: Any) -> Any:
    payload = '{"n": 1.00}'
    value = webhook_event(payload, id=event_id, **more)
    record = FakeRecord(value, topic="webhooks", offset=7)
    event = EventReader([WebhookPublished]).read(record)
    endpoint = Endpoint("demo", "we_1", ("*",), True)
    return sendout_document(event, record, endpoint, tier="shared", now=NOW, held=held)


def test_a_sendout_carries_the_payload_as_it_was_published() -> None:
    made = document()

    assert made["payload"] == '{"n": 1.00}'
    assert (made["status"], made["waiting"], made["attempts"]) == ("SCHEDULED", True, 0)
    assert made["next_attempt_at"] == NOW
    assert "settled_at" not in made
    assert set(made["refs"]) == {
        "event:e-1",
        "event_type:voucher.created",
        "entity:A",
        "webhook_endpoint:we_1",
    }


def test_a_held_sendout_waits_for_a_replay_and_its_tier_runs() -> None:
    made = document(held=True)

    assert (made["status"], made["settled_at"]) == ("HELD", NOW)
    assert not {"waiting", "next_attempt_at"} & set(made)


async def test_a_batch_that_is_read_twice_makes_no_sendout_twice(
    mongo_client: AsyncMongoClient[dict[str, Any]], database_name: str
) -> None:
    sendouts = durable(mongo_client[database_name])["sendouts"]
    await ensure_sendouts(sendouts, {"shared": timedelta(days=180)})
    repository = SendoutRepository(sendouts)
    await repository.make([document(event_id="e-1")])
    sent = {"$set": {"status": "SENT"}, "$unset": {"waiting": 1}}
    await sendouts.update_one({}, sent)

    again = await repository.make(
        [document(event_id=one) for one in ("e-1", "e-2")]
        + [document(event_id="e-1", source="other")]
    )

    assert (again.made, again.known, list(again.refused)) == (2, 1, [])
    assert await sendouts.count_documents({"status": "SENT"}) == 1
    assert await sendouts.count_documents({"waiting": True}) == 2


async def test_an_endpoints_work_is_found_by_its_index(
    mongo_client: AsyncMongoClient[dict[str, Any]], database_name: str
) -> None:
    sendouts = mongo_client[database_name]["sendouts"]
    await ensure_sendouts(sendouts, {"shared": timedelta(days=180)})
    documents = [document(event_id=f"e-{number}") for number in range(20)]
    await sendouts.insert_many(documents)
    due = {
        "project_id": "demo",
        "endpoint_id": "we_1",
        "waiting": True,
        "next_attempt_at": {"$lte": NOW},
    }

    plan = await sendouts.find(due).sort({"next_attempt_at": 1}).limit(5).explain()

    assert WORK_BY_ENDPOINT in json.dumps(plan["queryPlanner"], default=str)
    assert plan["executionStats"]["totalKeysExamined"] == 5
