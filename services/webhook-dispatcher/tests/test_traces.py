"""An event's trace, in each attempt to deliver it and in what is told of that."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from daybook.events.topics import DELIVERIES, WEBHOOKS
from daybook.testing.receivers import Receiver, reply
from daybook.testing.spans import Spans, parent_of_span, traceparent_of_span
from opentelemetry.trace import StatusCode

MakeReceiver = Callable[..., Awaitable[Receiver]]

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-11111111111111111111111111111111-2222222222222222-01"


def traceparents(receiver: Receiver) -> list[str | None]:
    """Of each request, what it says."""
    return [
        next((value for name, value in one.headers if name == "traceparent"), None)
        for one in receiver.requests
    ]


async def told(world: Any, topic: str, endpoint_id: str) -> dict[str, Any]:
    """The first event of the topic that is about the endpoint."""
    consumer: Any = AIOKafkaConsumer(
        topic,
        bootstrap_servers=world.settings.kafka_bootstrap_servers,
        auto_offset_reset="earliest",
    )
    async with consumer, asyncio.timeout(30):
        while True:
            record = await consumer.getone()
            if endpoint_id.encode() in record.value:
                return json.loads(record.value)


async def test_each_attempt_and_what_is_told_of_it_have_the_events_trace(
    world: Any, receivers: MakeReceiver, random_name: Callable[[str], str]
) -> None:
    receiver = await receivers(reply(500))
    name = random_name("we")
    await world.endpoint(name, receiver.url())

    async with world.dispatcher():
        await world.publish(traceparent=TRACEPARENT)
        await world.become(FAILED=1)

    assert traceparents(receiver) == [TRACEPARENT] * 3
    sent = (await world.sendout())["history"][0]["request_headers"]
    assert ["traceparent", TRACEPARENT] in sent
    for topic in (DELIVERIES, WEBHOOKS):  # the attempt, and the endpoint's end
        assert (await told(world, topic, name))["traceparent"] == TRACEPARENT


@pytest.mark.parametrize("odd", [..., "nonsense", f"{TRACEPARENT}\r\nx-odd: 1"])
async def test_without_a_trace_there_is_no_header(
    world: Any, receivers: MakeReceiver, odd: Any
) -> None:
    receiver = await receivers()
    await world.endpoint("we_1", receiver.url())

    async with world.dispatcher():
        await world.publish(traceparent=odd)
        await world.become(SENT=1)

    assert traceparents(receiver) == [None]


async def test_a_test_belongs_to_the_trace_of_who_asked_for_it(
    world: Any, receivers: MakeReceiver
) -> None:
    receiver = await receivers()
    await world.endpoint("we_1", receiver.url())

    async with world.dispatcher():
        await world.command(
            "endpoint.test", TRACEPARENT, endpoint_id="we_1", sendout_id="whs_1"
        )
        await world.become(SENT=1)

    assert traceparents(receiver) == [TRACEPARENT]


async def test_a_retry_by_hand_stays_in_the_events_trace(
    world: Any, receivers: MakeReceiver
) -> None:
    receiver = await receivers()
    await world.endpoint("we_1", receiver.url())

    async with world.dispatcher():
        await world.publish(traceparent=TRACEPARENT)
        await world.become(SENT=1)
        identity = (await world.sendout())["id"]
        await world.command("sendout.retry", OTHER, sendout_id=identity)
        await world.become(SENT=1)

    assert traceparents(receiver) == [TRACEPARENT] * 2


async def test_where_spans_are_made_each_attempt_is_one_and_its_receiver_sees_which(
    world: Any, receivers: MakeReceiver
) -> None:
    spans = Spans()
    receiver = await receivers(reply(500))
    await world.endpoint("we_1", receiver.url())

    async with world.dispatcher(spans.tracer):
        await world.publish(traceparent=TRACEPARENT)
        await world.become(FAILED=1)

    attempts = spans.named("deliver webhook")
    assert [parent_of_span(one) for one in attempts] == [TRACEPARENT] * 3
    assert traceparents(receiver) == [traceparent_of_span(one) for one in attempts]
    for one in attempts:
        facts = one.attributes or {}
        assert one.status.status_code is StatusCode.ERROR
        assert (facts["http.response.status_code"], facts["error.type"]) == (
            500,
            "status",
        )
