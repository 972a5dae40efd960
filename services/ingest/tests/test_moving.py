"""A project that is moved to another tier: all that ingest stores of it follows."""

import asyncio
import json
from datetime import timedelta
from typing import Any

from daybook.runtime.clock import utc_now
from daybook.storage.commands import command_document
from daybook.testing.records import request_event, task_event, webhook_event
from daybook.testing.waiting import eventually

COLLECTIONS = ("logs", "task_events", "webhook_events")
SOON = timedelta(milliseconds=300)


async def publish(world: Any, first: int, count: int) -> None:
    """So many of each of the three, whose ids are their numbers."""
    settings, progressed = world.settings, "progressed"
    for number in range(first, first + count):
        name = f"e-{number}"
        for topic, value in (
            (settings.requests_topic, json.dumps(request_event(id=name)).encode()),
            (
                settings.tasks_topic,
                json.dumps(task_event(progressed, id=name)).encode(),
            ),
            (settings.webhooks_topic, webhook_event("{}", id=name)),
        ):
            await world.producer.send(topic, value, key=b"k")
    await world.producer.flush()


async def give(world: Any, tier: str) -> str:
    """What query does, of which the command alone is looked for."""
    projects, commands = world.database["projects"], world.database["commands"]
    await projects.update_one({"_id": "demo"}, {"$set": {"tier": tier}}, upsert=True)
    command = command_document(
        "demo", "cmd_1", "events.move_tier", {"tier": tier}, utc_now()
    )
    await commands.insert_one(command)
    return command["_id"]


async def tiers(world: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in COLLECTIONS:
        async for one in world.database[name].find({}, {"tier": 1}):
            found[one["tier"]] = found.get(one["tier"], 0) + 1
    return found


async def test_what_is_stored_and_what_arrives_meanwhile_have_the_new_tier(
    world: Any,
) -> None:
    await publish(world, 0, 100)

    async with world.ingest(projects_refresh=SOON, bulk_records=10):

        async def is_stored() -> bool:
            return await tiers(world) == {"shared": 300}

        await eventually(is_stored, within=30)
        traffic = asyncio.create_task(publish(world, 100, 300))
        identity = await give(world, "dedicated")
        ended: dict[str, Any] = {}

        async def has_ended() -> bool:
            found = await world.database["commands"].find_one({"_id": identity})
            ended.update(found)
            return found["status"] != "ACCEPTED"

        await eventually(has_ended, within=30)
        await traffic

        async def all_is_stored() -> bool:
            return sum((await tiers(world)).values()) == 1200

        await eventually(all_is_stored, within=30)

    assert ended["status"] == "DONE"
    assert ended["task_id"] == "cmd_1"
    assert ended["message"].endswith("documents moved to the tier dedicated")
    assert await tiers(world) == {"dedicated": 1200}


async def test_a_tier_that_ingest_does_not_know_fails_with_what_to_do(
    world: Any,
) -> None:
    async with world.ingest():
        identity = await give(world, "gold")
        ended: dict[str, Any] = {}

        async def has_ended() -> bool:
            ended.update(await world.database["commands"].find_one({"_id": identity}))
            return ended["status"] != "ACCEPTED"

        await eventually(has_ended, within=30)

    assert ended["status"] == "FAILED"
    assert "gold is not among DAYBOOK_TIERS of ingest" in ended["message"]
