"""What people ask for is done, once, whatever state things are in."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from daybook.testing.receivers import Receiver, reply

MakeReceiver = Callable[..., Awaitable[Receiver]]


async def test_one_sendout_is_sent_again_by_hand(
    world: Any, receivers: MakeReceiver
) -> None:
    receiver = await receivers()
    await world.endpoint("we_1", receiver.url())

    async with world.dispatcher():
        await world.publish()
        await world.become(SENT=1)
        stored = await world.sendout()
        done = await world.command("sendout.retry", sendout_id=stored["id"])
        await world.become(SENT=1)

        assert done["status"] == "DONE"
        assert len(receiver.requests) == 2
    history = (await world.sendout())["history"]
    assert [entry["trigger"] for entry in history] == ["first", "manual"]


async def test_a_disabled_endpoint_holds_until_it_is_enabled_and_replayed(
    world: Any, receivers: MakeReceiver
) -> None:
    receiver = await receivers()
    await world.endpoint("we_1", receiver.url())
    since = datetime.now(UTC) - timedelta(hours=1)

    async with world.dispatcher():
        await world.command("endpoint.disable", endpoint_id="we_1", reason="no more")
        await world.publish(5)
        await world.become(HELD=5)
        assert receiver.requests == []

        await world.command("endpoint.enable", endpoint_id="we_1")
        await world.publish()
        await world.become(HELD=5, SENT=1)

        for _ in range(2):  # a second replay sends nothing twice that was SENT
            done = await world.command(
                "endpoint.replay", endpoint_id="we_1", since=since, include_sent=False
            )
            assert done["status"] == "DONE"
            await world.become(SENT=6)

    assert len(receiver.requests) == 6
    ids = {request.header("webhook-id") for request in receiver.requests}
    assert len(ids) == 6


async def test_events_from_before_an_endpoint_was_made_are_there_for_a_replay(
    world: Any, receivers: MakeReceiver
) -> None:
    receiver = await receivers()
    now = datetime.now(UTC)
    await world.database["webhook_events"].insert_many(
        [
            {
                "_id": f"demo/old-{number}",
                "project_id": "demo",
                "id": f"old-{number}",
                "source": "shop/1",
                "created_at": now,
                "received_at": now - timedelta(minutes=number),
                "origin": {"topic": "t", "partition": 0, "offset": number},
                "event_type": "voucher.created" if number % 2 else "order.paid",
                "payload": "1.00",
            }
            for number in range(10)
        ]
    )
    from daybook.storage.webhook_events import ensure_webhook_events

    await ensure_webhook_events(world.database["webhook_events"], {})
    await world.endpoint("we_1", receiver.url(), event_types=["voucher.*"])

    async with world.dispatcher():
        since = (now - timedelta(minutes=6, seconds=1)).isoformat()
        done = await world.command("endpoint.replay", endpoint_id="we_1", since=since)
        await world.become(SENT=3)

    assert "3 that there were not yet" in done["message"]
    assert done["task_id"] == done["id"]


async def test_all_that_a_filter_shows_are_sent_again(
    world: Any, receivers: MakeReceiver
) -> None:
    receiver = await receivers(reply(400))
    await world.endpoint("we_1", receiver.url(), retry_schedule_s=[])

    async with world.dispatcher(disable_after=100):
        await world.publish(6)
        await world.become(FAILED=6)
        receiver.answer = reply()
        chosen = {"status": ["FAILED"], "event_type": ["voucher.*"]}
        done = await world.command("sendouts.retry", filter=chosen, count=6)
        await world.become(SENT=6)

    assert done["message"] == "6 sendouts are sent again"


async def test_a_test_is_sent_once_also_to_a_disabled_endpoint(
    world: Any, receivers: MakeReceiver
) -> None:
    receiver = await receivers(reply(500))
    await world.endpoint("we_1", receiver.url())

    async with world.dispatcher():
        await world.command("endpoint.disable", endpoint_id="we_1")
        await world.command("endpoint.test", endpoint_id="we_1", sendout_id="whs_t")
        await world.become(FAILED=1)

    assert len(receiver.requests) == 1
    assert (await world.sendout())["id"] == "whs_t"


async def test_a_deleted_endpoints_open_sendouts_fail_and_say_why(
    world: Any, receivers: MakeReceiver
) -> None:
    receiver = await receivers(reply(500))
    await world.endpoint("we_1", receiver.url(), retry_schedule_s=[3600])

    async with world.dispatcher():
        await world.publish(3)
        await world.become(RETRYING=3)
        await world.endpoint("we_1", receiver.url(), deleted_at=datetime.now(UTC))
        await world.command("endpoint.delete", endpoint_id="we_1")
        await world.become(FAILED=3)

    stored = await world.sendout()
    assert stored["last_error"]["message"] == "its endpoint was deleted"


async def test_what_cannot_be_done_says_why(world: Any) -> None:
    async with world.dispatcher():
        unknown = await world.command("endpoint.enable", endpoint_id="we_9")
        wrong = await world.command("sendouts.retry", filter={"colour": ["red"]})

    assert (unknown["status"], wrong["status"]) == ("FAILED", "FAILED")
    assert unknown["message"] == "there is no endpoint we_9: it was deleted"
    assert wrong["message"] == "sendouts are not filtered by colour"
