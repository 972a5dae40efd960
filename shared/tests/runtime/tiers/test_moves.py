"""A project's documents follow it to another tier: all, once, the oldest first."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from daybook.events.task import TaskFinished
from daybook.runtime.commands import CannotBeDone, Fenced
from daybook.runtime.mongo import durable
from daybook.runtime.tiers.move import Moving
from daybook.runtime.tiers.moves import TierMoves
from daybook.runtime.tiers.settings import TierSettings
from daybook.storage.commands import REPLACED, command_document
from daybook.storage.logs import ensure_logs
from daybook.storage.task_events import ensure_task_events
from daybook.storage.tier_walks import EVENT_WALKS
from daybook.storage.tiers import DEFAULT_TIERS, parse_tiers
from daybook.storage.times import hour_of, to_ms
from daybook.storage.webhook_events import ensure_webhook_events
from daybook.testing.recording import RecordingClient
from daybook.testing.waiting import eventually
from pymongo import AsyncMongoClient

Document = dict[str, Any]
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
NAMES = ("logs", "webhook_events", "task_events")
FAST, SLOW = 1_000_000, 20


class World:
    """What is stored of two projects, and a service that moves one of them."""

    def __init__(self, database: Any) -> None:
        self.database = database
        self.tasks = RecordingClient()

    async def store(self, count: int, project: str = "shop", first: int = 0) -> None:
        """So many of each, an hour apart, the youngest stored first."""
        for name in NAMES:
            documents: list[Document] = []
            for number in reversed(range(first, first + count)):
                # Never two of the same age.
                created = NOW - timedelta(days=9)
                created += timedelta(hours=number, minutes=NAMES.index(name))
                documents.append(
                    {
                        "_id": f"{project}/{name}-{number:04}",
                        "project_id": project,
                        "created_at": created,
                        "received_at": created,
                        "hour": hour_of(to_ms(created)),
                        "tier": "shared",
                        "task_id": "t",
                    }
                )
            await self.database[name].insert_many(documents)

    async def command(self, tier: str = "dedicated") -> Document:
        command = command_document(
            "shop", "cmd_1", "events.move_tier", {"tier": tier}, NOW
        )
        await self.database["commands"].insert_one(command)
        return await self.claim()

    async def claim(self) -> Document:
        await self.database["commands"].update_one({}, {"$inc": {"claim": 1}})
        return await self.stored()

    async def stored(self) -> Document:
        return await self.database["commands"].find_one({})

    def moves(
        self,
        per_second: int = FAST,
        caught_up: Callable[[], Awaitable[None]] | None = None,
    ) -> TierMoves:
        async def at_once() -> None: ...

        settings = TierSettings(
            tier_moves_per_second=per_second, projects_refresh=timedelta(0)
        )
        return TierMoves(
            Moving(
                database=self.database,
                walks=EVENT_WALKS,
                settings=settings,
                caught_up=caught_up or at_once,
                client=self.tasks,  # pyright: ignore[reportArgumentType] - the part of it that is asked for
                at_once=3,
            )
        )

    async def tiers(self, project: str = "shop") -> dict[str, int]:
        """How many documents there are of each tier."""
        found: dict[str, int] = {}
        for name in NAMES:
            async for one in self.database[name].find({"project_id": project}):
                tier = one.get("tier", "none")
                found[tier] = found.get(tier, 0) + 1
        return found

    @property
    def end(self) -> TaskFinished:
        """How the task ended."""
        last = self.tasks.tasks[-1]
        assert isinstance(last, TaskFinished)
        return last

    async def some_have_moved(self) -> bool:
        return (await self.tiers()).get("dedicated", 0) > 3


@pytest_asyncio.fixture
async def world(mongo_client: AsyncMongoClient[Document], database_name: str) -> World:
    database = durable(mongo_client[database_name])
    tiers = parse_tiers(DEFAULT_TIERS)
    await ensure_logs(database["logs"], tiers)
    await ensure_webhook_events(database["webhook_events"], tiers)
    await ensure_task_events(database["task_events"], tiers)
    return World(database)


async def test_all_of_the_project_moves_and_nothing_else(world: World) -> None:
    await world.store(10)
    await world.store(4, "bank")
    untiered = {"$unset": {"tier": 1}}
    await world.database["task_events"].update_many(
        {"hour": {"$mod": [2, 0]}}, untiered
    )

    said = await world.moves().move(await world.command())

    assert said == "25 documents moved to the tier dedicated"
    assert await world.tiers() == {"dedicated": 25, "none": 5}
    assert await world.tiers("bank") == {"shared": 10, "none": 2}
    assert (await world.stored())["progress"]["moved"] == 25
    assert (world.end.outcome, world.end.done_count) == ("DONE", 25)


async def test_the_oldest_of_each_move_first(world: World) -> None:
    await world.store(6)
    command = await world.command()
    order: dict[str, list[datetime]] = {}

    async with await world.database.watch(
        [{"$match": {"operationType": "update", "ns.coll": {"$in": [*NAMES]}}}],
        full_document="updateLookup",
    ) as changes:
        await world.moves().move(command)
        while sum(map(len, order.values())) < 18:
            change = await changes.next()
            moved = order.setdefault(change["ns"]["coll"], [])
            moved.append(change["fullDocument"]["created_at"])

    for moved in order.values():  # in a batch of three in any order
        assert max(moved[:3]) < min(moved[3:])


async def test_the_second_walk_is_not_begun_again_as_the_first(world: World) -> None:
    await world.store(10)
    asked = 0

    async def caught_up() -> None:
        nonlocal asked
        asked += 1

    await world.moves(caught_up=caught_up).move(await world.command())
    assert (await world.stored())["progress"]["sweep"] == "second"
    await world.store(1, first=100)

    said = await world.moves(caught_up=caught_up).move(await world.claim())

    assert asked == 2
    assert said == "33 documents moved to the tier dedicated"


async def test_what_arrives_after_the_beginning_is_not_run_after(world: World) -> None:
    await world.store(3)
    later = datetime.now(UTC) + timedelta(hours=1)
    document = {"_id": "shop/l", "project_id": "shop", "tier": "shared"}
    await world.database["logs"].insert_one(document | {"created_at": later})

    said = await world.moves().move(await world.command())

    assert said == "9 documents moved to the tier dedicated"


async def test_what_a_run_that_died_holds_is_let_go_of(world: World) -> None:
    await world.store(3)
    await world.command()

    async with world.database.client.start_session() as dead:
        await dead.start_transaction()
        of_shop = {"project_id": "shop"}
        stamped = {"$set": {"tier": "dedicated"}}
        await world.database["logs"].update_many(of_shop, stamped, session=dead)
        noted = {"$set": {"progress": {"session": dead.session_id["id"]}}}
        await world.database["commands"].update_one({}, noted)

        async with asyncio.timeout(20):
            said = await world.moves().move(await world.claim())

        assert said == "9 documents moved to the tier dedicated"
        await dead.abort_transaction()


async def test_what_the_database_refuses_ends_the_move_and_says_so(
    world: World,
) -> None:
    await world.store(1)
    await world.database["logs"].drop_index("by_time")

    with pytest.raises(
        CannotBeDone,
        match=r"refuses: .*existing index\. Mend what",
    ):
        await world.moves().move(await world.command())

    assert world.end.outcome == "FAILED"


async def test_what_was_stamped_late_is_swept_up(world: World) -> None:
    await world.store(4)
    asked = 0

    async def caught_up() -> None:
        # A process that did not know yet stores old and new alike.
        nonlocal asked
        asked += 1
        await world.store(2, first=100 * asked)

    said = await world.moves(caught_up=caught_up).move(await world.command())

    assert asked == 2
    assert said == "24 documents moved to the tier dedicated"
    assert await world.tiers() == {"dedicated": 24}


async def test_it_goes_on_where_it_was_left(world: World) -> None:
    await world.store(10)
    moving = asyncio.create_task(world.moves(SLOW).move(await world.command()))
    await eventually(world.some_have_moved)
    moving.cancel()
    await asyncio.wait([moving])
    before = (await world.tiers())["dedicated"]
    noted = (await world.stored())["progress"]

    said = await world.moves().move(await world.claim())

    assert before < 30
    assert noted["moved"] == before
    assert said == "30 documents moved to the tier dedicated"
    runs = {(type(event).__name__, event.run) for event in world.tasks.tasks}
    assert ("TaskFinished", 2) in runs
    assert ("TaskFinished", 1) not in runs


async def test_who_was_taken_over_stamps_nothing_more(world: World) -> None:
    await world.store(10)
    moving = asyncio.create_task(world.moves(SLOW).move(await world.command()))
    await eventually(world.some_have_moved)
    await world.claim()
    at_the_claim = await world.tiers()

    with pytest.raises(Fenced):
        await moving

    assert await world.tiers() == at_the_claim


async def test_a_later_move_takes_the_place_of_one_that_has_not_ended(
    world: World,
) -> None:
    await world.store(10)
    moving = asyncio.create_task(world.moves(SLOW).move(await world.command()))
    await eventually(world.some_have_moved)
    replaced = {"$set": {"status": "FAILED"}}
    await world.database["commands"].update_one({}, replaced)
    at_the_end = await world.tiers()

    with pytest.raises(CannotBeDone, match=REPLACED):
        await moving

    assert await world.tiers() == at_the_end
    assert world.end.outcome == "FAILED"


async def test_a_tier_that_the_service_does_not_know_is_refused(world: World) -> None:
    await world.store(1)

    with pytest.raises(CannotBeDone, match="gold is not among DAYBOOK_TIERS of ingest"):
        await world.moves().move(await world.command("gold"))

    assert await world.tiers() == {"shared": 3}
    assert world.end.outcome == "FAILED"


async def test_a_cursor_that_timed_out_meanwhile_is_opened_anew(world: World) -> None:
    await world.store(20)
    moving = asyncio.create_task(world.moves(SLOW * 5).move(await world.command()))
    await eventually(world.some_have_moved)

    for name in NAMES:
        idle = await world.database.client["admin"].aggregate(
            [
                {"$currentOp": {"idleCursors": True}},
                {"$match": {"ns": f"{world.database.name}.{name}"}},
            ]
        )
        cursors = [one["cursor"]["cursorId"] async for one in idle if "cursor" in one]
        await world.database.command("killCursors", name, cursors=cursors)
        assert cursors

    assert await moving == "60 documents moved to the tier dedicated"
    assert await world.tiers() == {"dedicated": 60}
