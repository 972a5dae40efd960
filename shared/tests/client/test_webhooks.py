"""Publishing webhooks: any payload, and none that breaks its host."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from aiokafka import AIOKafkaConsumer
from daybook import Client, SyncClient
from daybook.client.webhooks import json_text
from daybook.events.base import User
from daybook.events.reading import EventReader
from daybook.events.topics import TOPICS, WEBHOOKS
from daybook.events.webhook import WebhookPublished
from daybook.runtime.kafka_topics import ensure_topics
from daybook.testing import eventually


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({"b": 1, "a": [True, None]}, '{"b":1,"a":[true,null]}'),
        (10**30, "1" + "0" * 30),
        ("text", '"text"'),
        (b'{"n": 1.00}', '{"n": 1.00}'),
        ({"s": "\ud800"}, '{"s":"\\ud800"}'),
        ({1: 2}, '{"1":2}'),
        (datetime(2026, 1, 2, tzinfo=UTC), '"2026-01-02T00:00:00+00:00"'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
    ],
)
def test_a_payload_is_written_as_json_and_json_as_it_is(
    payload: Any, text: str
) -> None:
    assert json_text(payload) == text


@pytest.fixture(params=[Client, SyncClient])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client | SyncClient]:
    """Either face, with a broker that is not there."""
    made = request.param("127.0.0.1:1", source="shop", project_id="demo")
    yield made
    ended = made.close(timedelta(0))
    if isinstance(made, Client):
        await ended


@pytest.mark.parametrize("payload", [object(), b"{not json", b"\xff", {"f": {1, 2}}])
async def test_what_is_no_json_is_counted_and_breaks_nothing(
    client: Client | SyncClient, payload: Any
) -> None:
    client.publish_webhook("voucher.created", payload)

    assert client.stats.published == 1
    assert client.stats.dropped == {"error": 1}


async def test_a_webhook_is_published_with_what_caused_it(
    kafka_bootstrap: str, make_project: Callable[[], str]
) -> None:
    await ensure_topics(kafka_bootstrap, [TOPICS[WEBHOOKS]])
    project = make_project()
    async with Client(kafka_bootstrap, source="shop", project_id=project) as client:
        user = User(id="cust_1")
        client.publish_webhook(
            "voucher.created", b'{"n": 1.00}', entity_id="A", channel="API", user=user
        )
        await eventually(lambda: client.stats.delivered == 1)

    record = await first_of(kafka_bootstrap, WEBHOOKS, project)

    event = EventReader([WebhookPublished]).read(record)
    assert record.key == event.id.encode()
    assert event.data == {
        "event_type": "voucher.created",
        "entity_id": "A",
        "event_source": {"channel": "API", "user": {"id": "cust_1"}},
        "payload": '{"n": 1.00}',
    }


@pytest.fixture
def make_project(random_name: Callable[[str], str]) -> Callable[[], str]:
    return lambda: random_name("p")


async def first_of(bootstrap: str, topic: str, project: str) -> Any:
    """The first record of a project on a topic that others write to as well."""
    consumer: Any = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest"
    )
    async with consumer, asyncio.timeout(30):
        async for record in consumer:
            if dict(record.headers)["projectid"] == project.encode():
                return record
