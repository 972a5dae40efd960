"""A project that is moved to another tier: its sendouts follow, settled or not."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from daybook.client.ids import uuid7
from daybook.runtime.clock import utc_now
from daybook.storage.webhook_events import ensure_webhook_events
from daybook.testing.receivers import Receiver, reply
from daybook.testing.recording import RecordingClient
from daybook.testing.waiting import eventually
from webhook_dispatcher.claims import Claims
from webhook_dispatcher.deeds import Deeds, Tools
from webhook_dispatcher.endpoints import DatabaseClock, Endpoints
from webhook_dispatcher.health import Health
from webhook_dispatcher.reopening import Reopening
from webhook_dispatcher.repository import SendoutRepository

MakeReceiver = Callable[..., Awaitable[Receiver]]
SOON = timedelta(milliseconds=300)


async def test_sendouts_have_the_new_tier_and_are_delivered_meanwhile(
    world: Any, receivers: MakeReceiver
) -> None:
    receiver, refusing = await receivers(), await receivers(reply(500))
    await world.endpoint("we_1", receiver.url())
    await world.endpoint("we_2", refusing.url(), retry_schedule_s=[3600])
    sendouts, projects = world.database["sendouts"], world.database["projects"]

    async with world.dispatcher(projects_refresh=SOON):
        await world.publish(8)
        await world.become(SENT=8, RETRYING=8)
        assert await sendouts.distinct("tier") == ["shared"]

        gold = {"_id": "demo", "name": "demo", "tier": "dedicated"}
        await projects.insert_one(gold)
        done = await world.command("sendouts.move_tier", tier="dedicated")
        assert await sendouts.distinct("tier") == ["dedicated"]
        await world.publish(2)

        async def all_are_there() -> bool:
            made = await sendouts.count_documents({})
            return made == 20 and (await world.statuses())["SENT"] == 10

        await eventually(all_are_there, within=20)

    assert (done["status"], done["task_id"]) == ("DONE", done["id"])
    assert done["message"] == "16 documents moved to the tier dedicated"
    assert await sendouts.distinct("tier") == ["dedicated"]
    assert len({one.header("webhook-id") for one in receiver.requests}) == 10
    assert len(receiver.requests) == 10


async def test_a_move_that_takes_long_holds_no_other_command_up(
    world: Any, receivers: MakeReceiver
) -> None:
    receiver = await receivers()
    await world.endpoint("we_1", receiver.url())
    commands = world.database["commands"]

    async with world.dispatcher(projects_refresh=timedelta(minutes=1)):
        await world.publish()
        await world.become(SENT=1)
        stored = await world.sendout()
        # It waits for minutes until every process knows of the tier.
        await commands.insert_one(
            {
                "_id": "demo/move",
                "project_id": "demo",
                "id": "move",
                "kind": "sendouts.move_tier",
                "service": "webhook-dispatcher",
                "parameters": {"tier": "dedicated"},
                "status": "ACCEPTED",
                "claim": 0,
                "created_at": stored["created_at"],
            }
        )

        async def is_moving() -> bool:
            found = await commands.find_one({"_id": "demo/move"})
            return found["claim"] == 1

        await eventually(is_moving, within=20)
        done = await world.command("sendout.retry", sendout_id=stored["id"])
        moving = await commands.find_one({"_id": "demo/move"})

    assert done["status"] == "DONE"
    assert moving["status"] == "ACCEPTED"


async def test_a_replay_makes_sendouts_of_the_tier_that_there_is_when_it_stores_them(
    world: Any,
) -> None:
    now, database = datetime.now(UTC), world.database
    await ensure_webhook_events(database["webhook_events"], {})
    await database["webhook_events"].insert_many(
        [
            {
                "_id": f"demo/e-{number}",
                "project_id": "demo",
                "id": f"e-{number}",
                "source": "shop/1",
                "created_at": now,
                "received_at": now,
                "origin": {"topic": "t", "partition": 0, "offset": number},
                "event_type": "order.paid",
                "payload": "{}",
            }
            for number in range(3)
        ]
    )
    # The project is moved while the replay is still looking for more.
    tiers = iter(["shared"] * 3 + ["dedicated"] * 3)
    await world.endpoint("we_1", "http://127.0.0.1:9/")

    async def tell(keys: set[str]) -> None: ...

    deeds = Deeds(
        Tools(
            endpoints=Endpoints(database["webhook_endpoints"]),
            health=Health(database["endpoint_health"], 1),
            claims=Claims(database["sendouts"], uuid7, timedelta(minutes=1)),
            reopening=Reopening(database["sendouts"]),
            sendouts=SendoutRepository(database["sendouts"]),
            events=database["webhook_events"],
            clock=DatabaseClock(utc_now),
            client=RecordingClient(),  # pyright: ignore[reportArgumentType] - the part of it that is asked for
            tier_of=lambda _: next(tiers),
            told=tell,
        )
    )
    parameters = {"endpoint_id": "we_1", "since": now - timedelta(hours=1)}

    await deeds.replay({"id": "cmd_1", "project_id": "demo", "parameters": parameters})

    assert await database["sendouts"].distinct("tier") == ["dedicated"]
    assert await database["sendouts"].count_documents({}) == 3
