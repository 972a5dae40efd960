"""A task is stalled only where all that came before its time was up has been read."""

from datetime import timedelta
from typing import Any

TOPIC = "tasks"
HEARTBEAT_S = 30


async def stalled(world: Any) -> bool:
    return (await world.task())["stalled"]


async def test_nothing_is_stalled_before_the_tracker_has_read_so_far(
    world: Any, stream: Any
) -> None:
    """A sign of life may wait to be read."""
    stream.add("started", heartbeat_s=HEARTBEAT_S)
    await world.write(*stream.items)
    task = await world.task()
    due = task["received_at"] + timedelta(seconds=HEARTBEAT_S)
    assert task["stalls_at"] == due

    assert await world.repository.stall(TOPIC, 0, due) == 0
    assert await world.repository.stall(TOPIC, 1, due + timedelta(hours=1)) == 0
    assert await world.repository.stall("other", 0, due + timedelta(hours=1)) == 0
    assert not await stalled(world)

    assert await world.repository.stall(TOPIC, 0, due + timedelta(seconds=1)) == 1
    assert await stalled(world)


async def test_a_redelivery_is_no_sign_of_life(world: Any, stream: Any) -> None:
    stream.add("started", heartbeat_s=HEARTBEAT_S)
    await world.write(*stream.items)
    due = (await world.task())["stalls_at"]
    await world.repository.stall(TOPIC, 0, due + timedelta(seconds=1))

    await world.write(*stream.items)

    assert await stalled(world)


async def test_a_task_that_has_ended_is_not_looked_at_again(
    world: Any, stream: Any
) -> None:
    stream.add("started", heartbeat_s=HEARTBEAT_S)
    stream.add("finished", outcome="FAILED")

    await world.write(*stream.items)

    task = await world.task()
    assert "stalls_at" not in task
    far = task["received_at"] + timedelta(days=400)
    assert await world.repository.stall(TOPIC, 0, far) == 0


async def test_the_databases_own_clock_has_to_have_reached_the_time_too(
    world: Any, stream: Any
) -> None:
    year = 365 * 86_400
    stream.add("started", heartbeat_s=year)
    await world.write(*stream.items)
    due = (await world.task())["stalls_at"]

    assert await world.repository.stall(TOPIC, 0, due + timedelta(days=1)) == 0
    assert not await stalled(world)
