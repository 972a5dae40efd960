"""Every event of every task is kept: its history."""

import json
from typing import Any

from daybook.testing.records import request_event, task_event
from daybook.testing.waiting import eventually

ENQUEUED = "daybook.task.enqueued.v1"
PROGRESSED = "daybook.task.progressed.v1"


async def kept(world: Any, count: int) -> list[dict[str, Any]]:
    """Wait for this many task events, in the order of their offsets."""
    collection = world.database["task_events"]

    async def enough() -> bool:
        return await collection.count_documents({}) >= count

    await eventually(enough, within=30)
    return await collection.find().sort({"origin.offset": 1}).to_list()


async def publish(world: Any, event: dict[str, Any]) -> None:
    topic = world.settings.tasks_topic
    await world.producer.send_and_wait(topic, json.dumps(event).encode(), key=b"t")


async def test_a_tasks_events_are_kept_and_only_its_progress_expires(
    world: Any,
) -> None:
    async with world.ingest():
        await publish(world, task_event("enqueued", id="a"))
        await publish(world, task_event("progressed", id="b", data={"done_count": 3}))
        await publish(world, task_event("progressed", id="b", data={"done_count": 3}))
        first, second = await kept(world, 2)
        indexes = await world.database["task_events"].index_information()

    assert (first["_id"], first["type"]) == ("demo/a", ENQUEUED)
    assert first["task_id"] == second["task_id"]
    assert "tier" not in first
    assert (second["type"], second["tier"]) == (PROGRESSED, "shared")
    assert second["done_count"] == 3
    assert indexes["ttl_shared"]["partialFilterExpression"] == {"tier": "shared"}


async def test_requests_and_tasks_of_one_poll_are_stored_each_in_its_place(
    world: Any,
) -> None:
    await publish(world, task_event("enqueued", id="a"))
    await world.producer.send_and_wait(world.settings.tasks_topic, b"{", key=b"t")
    await world.send(json.dumps(request_event(id="r")).encode())

    async with world.ingest():
        (event,) = await kept(world, 1)
        (request,) = await world.stored(1)
        (letter,) = await world.letters(1)

    assert event["origin"]["topic"] == world.settings.tasks_topic
    headers = dict(letter.headers)
    assert headers["daybook_topic"].decode() == world.settings.tasks_topic
    assert request["origin"]["topic"] == world.settings.requests_topic
