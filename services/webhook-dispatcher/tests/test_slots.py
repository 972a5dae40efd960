"""Slots: each with one owner, shared fairly, lost by who falls silent."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest_asyncio
from daybook.storage.webhook_endpoints import SLOTS
from daybook.testing.waiting import eventually
from pymongo import AsyncMongoClient
from webhook_dispatcher.slots import Slots

LONG = timedelta(seconds=60)
SHORT = timedelta(milliseconds=300)
ALL = set(range(SLOTS))


@pytest_asyncio.fixture
async def collection(
    mongo_client: AsyncMongoClient[dict[str, Any]], database_name: str
) -> Any:
    slots = mongo_client[database_name]["slots"]
    # As every process does at its start, one after the other and at once.
    await Slots(slots, "a", LONG).prepare()
    await asyncio.gather(*(Slots(slots, name, LONG).prepare() for name in "bc"))
    return slots


async def settle(*processes: Slots) -> None:
    """Let each look three times, as they would within a lease."""
    for _ in range(3):
        for process in processes:
            await process.balance()


async def test_one_process_owns_everything(collection: Any) -> None:
    process = Slots(collection, "a", LONG)

    await process.balance()

    assert set(process.mine) == ALL
    assert set(process.mine.values()) == {1}


async def test_processes_share_fairly_and_no_slot_has_two_owners(
    collection: Any,
) -> None:
    processes = [Slots(collection, name, LONG) for name in "abc"]

    await settle(*processes)

    owned = [slot for process in processes for slot in process.mine]
    assert len(owned) == len(set(owned)) == SLOTS
    assert sorted(len(process.mine) for process in processes) == [20, 22, 22]


async def test_slots_taken_at_the_same_moment_go_to_one(collection: Any) -> None:
    processes = [Slots(collection, f"p{number}", LONG) for number in range(4)]

    await asyncio.gather(*(process.balance() for process in processes))

    owned = [slot for process in processes for slot in process.mine]
    assert len(owned) == len(set(owned))


async def test_a_silent_process_loses_its_slots_and_its_fencing_numbers(
    collection: Any,
) -> None:
    # It is frozen: its own clock tells it of no lease that ran out.
    silent = Slots(collection, "silent", SHORT, stopwatch=lambda: 0.0)
    other = Slots(collection, "b", LONG)
    await silent.balance()
    before = dict(silent.mine)

    async def all_are_the_others() -> bool:
        return set(await other.balance()) == ALL

    await eventually(all_are_the_others, within=10)

    assert all(other.mine[slot] == before[slot] + 1 for slot in ALL)
    await silent.balance()  # it wakes, and sees
    assert not set(silent.mine) & set(other.mine)


async def test_a_lease_that_ran_out_unnoticed_is_a_new_lease(collection: Any) -> None:
    process = Slots(collection, "a", SHORT, stopwatch=lambda: 0.0)
    await process.balance()

    async def ran_out() -> bool:
        over = {"$expr": {"$lte": ["$leased_until", "$$NOW"]}}
        mine = {"owner": "a", **over}
        return await collection.count_documents(mine) == SLOTS

    await eventually(ran_out, within=10)
    await process.balance()

    assert set(process.mine.values()) == {2}


async def test_what_is_let_go_of_is_taken_at_once(collection: Any) -> None:
    leaving, staying = Slots(collection, "a", LONG), Slots(collection, "b", LONG)
    await settle(leaving, staying)

    await leaving.leave()
    await staying.balance()

    assert set(staying.mine) == ALL
    assert leaving.mine == {}
