"""The whole dispatcher over a real broker, a real database and real receivers."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from daybook.events.topics import WEBHOOKS
from daybook.testing.receivers import Receiver, hang, reply, reset
from daybook.testing.waiting import eventually
from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PAYLOAD = '{"b": 1.00, "a": 123456789012345678901234567890, "b": "\\u00e9"}'

MakeReceiver = Callable[..., Awaitable[Receiver]]


async def test_a_webhook_is_delivered_signed_and_byte_for_byte(
    world: Any, receivers: MakeReceiver
) -> None:
    receiver = await receivers()
    await world.endpoint("we_1", receiver.url())

    async with world.dispatcher():
        await world.publish(payload=PAYLOAD)
        await world.become(SENT=1)

    (request,) = receiver.requests
    headers = {name.lower(): value for name, value in request.headers}
    Webhook(SECRET).verify(request.body, headers)
    assert f'"data":{PAYLOAD},'.encode() in request.body
    stored = await world.sendout()
    assert headers["webhook-id"] == stored["id"]
    body = json.loads(request.body)
    assert (body["id"], body["event"]["id"]) == (stored["id"], "e-1")
    assert stored["history"][0]["status_code"] == 200


async def test_an_event_published_after_an_endpoint_was_made_reaches_it(
    world: Any, receivers: MakeReceiver
) -> None:
    receiver = await receivers()
    owed: set[tuple[str, str]] = set()

    async with world.dispatcher():
        for number in range(5):
            await world.endpoint(f"we_{number}", receiver.url(path=f"/{number}"))
            await world.publish()
            owed |= {
                (f"/{endpoint}", f"e-{number + 1}") for endpoint in range(number + 1)
            }

        def all_came() -> bool:
            came = {
                (one.line.split()[1], json.loads(one.body)["event"]["id"])
                for one in receiver.requests
            }
            return came >= owed

        await eventually(all_came, within=20)


async def test_an_event_from_before_an_endpoint_was_made_waits_for_a_replay(
    world: Any, receivers: MakeReceiver
) -> None:
    receiver = await receivers()
    later = datetime.now(UTC) + timedelta(minutes=1)
    await world.endpoint("we_young", receiver.url(path="/young"), created_at=later)
    await world.endpoint("we_old", receiver.url(path="/old"))

    async with world.dispatcher():
        await world.publish(3)
        await world.become(SENT=3)

    assert {one.line.split()[1] for one in receiver.requests} == {"/old"}


async def test_what_fails_is_tried_again_and_given_up_and_its_endpoint_disabled(
    world: Any, receivers: MakeReceiver
) -> None:
    failing = await receivers(reply(500))
    await world.endpoint("we_1", failing.url())

    async with world.dispatcher():
        await world.publish()
        await world.become(FAILED=1)
        await world.publish(2)
        await world.become(FAILED=1, HELD=2)

    stored = await world.sendout(status="FAILED")
    assert stored["attempts"] == len(failing.requests) == 3
    assert [entry["trigger"] for entry in stored["history"]] == [
        *("first", "retry", "retry")
    ]
    assert stored["last_error"]["message"] == "answered 500, after 3 attempts"
    ids = {request.header("webhook-id") for request in failing.requests}
    assert ids == {stored["id"]}
    health = await world.database["endpoint_health"].find_one({"_id": "demo/we_1"})
    assert health["disabled"]["reason"] == "its retries were exhausted"


async def test_a_receiver_that_comes_back_gets_what_waited(
    world: Any, receivers: MakeReceiver
) -> None:
    receiver = await receivers(reset)
    await world.endpoint("we_1", receiver.url(), retry_schedule_s=[0.2] * 20)

    async with world.dispatcher():
        await world.publish(3)
        await eventually(lambda: len(receiver.requests) >= 3, within=10)
        receiver.answer = reply()
        await world.become(SENT=3)


async def test_410_disables_at_once_and_holds_the_rest(
    world: Any, receivers: MakeReceiver
) -> None:
    gone = await receivers(reply(410))
    await world.endpoint("we_1", gone.url(), max_in_flight=1)

    async with world.dispatcher():
        await world.publish(4)
        await world.become(FAILED=1, HELD=3)

    assert len(gone.requests) == 1


async def test_an_endpoint_that_hangs_delays_no_other_and_holds_its_own_bound(
    world: Any, receivers: MakeReceiver
) -> None:
    hanging, healthy = await receivers(hang), await receivers()
    await world.endpoint("we_hang", hanging.url(), max_in_flight=3, timeout_ms=30_000)
    await world.endpoint("we_well", healthy.url())

    async with world.dispatcher(drain_within=timedelta(0)):
        await world.publish(50)
        await eventually(lambda: len(healthy.requests) == 50, within=10)

        assert 0 < hanging.open <= 3


async def test_a_rate_is_kept(world: Any, receivers: MakeReceiver) -> None:
    receiver = await receivers()
    await world.endpoint("we_1", receiver.url(), rate_limit_per_second=5)

    async with world.dispatcher():
        await world.publish(12)
        await world.become(SENT=12)

    times = [one["executed_at"] async for one in world.database["sendouts"].find()]
    assert max(times) - min(times) > timedelta(seconds=(12 - 5) / 5 * 0.9)


async def test_two_dispatchers_share_the_work_and_send_nothing_twice(
    world: Any, receivers: MakeReceiver
) -> None:
    receiver = await receivers()
    for number in range(20):
        await world.endpoint(f"we_{number}", receiver.url(path=f"/{number}"))

    async with world.dispatcher(), world.dispatcher():
        await world.publish(20)
        await world.become(SENT=400)

    assert len(receiver.requests) == 400
    assert len({one.header("webhook-id") for one in receiver.requests}) == 400


async def test_what_was_published_while_nobody_dispatched_is_delivered(
    world: Any, receivers: MakeReceiver
) -> None:
    receiver = await receivers()
    await world.endpoint("we_1", receiver.url())
    async with world.dispatcher():
        await world.publish()
        await world.become(SENT=1)
    await world.publish(5)

    async with world.dispatcher():
        await world.become(SENT=6)

    assert len(receiver.requests) == 6


async def test_an_address_that_is_not_allowed_is_not_connected_to(
    world: Any, receivers: MakeReceiver
) -> None:
    receiver = await receivers()
    await world.endpoint("we_1", receiver.url())

    async with world.dispatcher(webhook_allowed_networks="10.9.9.0/24"):
        await world.publish()
        await world.become(FAILED=1)

    assert receiver.connections == 0
    assert (await world.sendout())["last_error"]["kind"] == "blocked_address"


async def test_an_endpoints_bound_holds_across_two_dispatchers(
    world: Any, receivers: MakeReceiver
) -> None:
    most = 0

    async def slow(_: Any, writer: asyncio.StreamWriter) -> None:
        nonlocal most
        most = max(most, receiver.open)
        await asyncio.sleep(0.05)
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        writer.close()

    receiver = await receivers(slow)
    await world.endpoint("we_1", receiver.url(), max_in_flight=3)

    async with world.dispatcher(), world.dispatcher():
        await world.publish(40)
        await world.become(SENT=40)

    assert 1 < most <= 3


@pytest.mark.parametrize(
    "backlog",
    [
        pytest.param(3_000, id="short"),
        pytest.param(
            500_000, id="long", marks=[pytest.mark.fault, pytest.mark.timeout(900)]
        ),
    ],
)
async def test_a_dead_endpoints_backlog_delays_nobody(
    world: Any, receivers: MakeReceiver, backlog: int
) -> None:
    dead, healthy = await receivers(hang), await receivers()
    await world.endpoint("we_dead", dead.url(), event_types=["never"])
    await world.endpoint("we_well", healthy.url())
    async with world.dispatcher():
        await world.publish()  # makes the indexes, and one sendout to copy
        await world.become(SENT=1)
    await world.pile_up("we_dead", backlog)

    async with world.dispatcher(drain_within=timedelta(0)):
        await eventually(lambda: dead.open > 0, within=60)
        for number in range(20):
            began = time.monotonic()
            await world.publish()
            await eventually(lambda n=number: len(healthy.requests) == n + 2, within=5)
            assert time.monotonic() - began < 2

        assert dead.open <= 10


async def test_the_platform_is_told_that_an_endpoint_was_disabled(
    world: Any, receivers: MakeReceiver, random_name: Callable[[str], str]
) -> None:
    gone, name = await receivers(reply(410)), random_name("we")
    await world.endpoint(name, gone.url())

    async with world.dispatcher():
        await world.publish()
        await world.become(FAILED=1)

    told: Any = AIOKafkaConsumer(
        WEBHOOKS,
        bootstrap_servers=world.settings.kafka_bootstrap_servers,
        auto_offset_reset="earliest",
    )
    data: dict[str, Any] = {}
    async with told, asyncio.timeout(30):
        while data.get("entity_id") != name:
            data = json.loads((await told.getone()).value)["data"]
    assert data["event_type"] == "endpoint.disabled"
    assert data["payload"] == {"endpoint_id": name, "reason": "answered 410 Gone"}
