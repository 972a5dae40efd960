import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from daybook.exports.parameters import read_parameters
from daybook.storage.exports import new_export
from daybook.testing.waiting import eventually
from exporter.jobs import Fenced, Jobs, Limits
from pymongo.asynchronous.database import AsyncDatabase

Document = dict[str, Any]
Database = AsyncDatabase[Document]

CREATED = datetime(2026, 11, 1, tzinfo=UTC)
LONG = timedelta(minutes=1)
SHORT = timedelta(milliseconds=300)


def jobs_of(
    database: Database,
    owner: str = "one",
    *,
    lease: timedelta = LONG,
    at_once: int = 10,
    of_a_project: int = 10,
) -> Jobs:
    limits = Limits(at_once, of_a_project)
    return Jobs(database["exports"], database["export_slots"], owner, lease, limits)


async def ask(
    database: Database, name: str, minute: int, project: str = "shop"
) -> None:
    parameters = read_parameters({"exported_object": "api_log"})
    created_at = CREATED + timedelta(minutes=minute)
    await database["exports"].insert_one(
        new_export(project, name, parameters, "API", None, created_at, None)
    )


async def taken(jobs: Jobs) -> Document:
    export = await jobs.take()
    assert export is not None
    return export


async def test_the_oldest_is_claimed_first_and_by_one_alone(database: Database) -> None:
    await ask(database, "younger", 2)
    await ask(database, "older", 1)

    first, second, third = [
        await jobs_of(database, name).take() for name in ("one", "two", "three")
    ]

    assert first is not None
    assert second is not None
    assert (first["id"], second["id"], third) == ("older", "younger", None)
    assert (first["status"], first["claim"]) == ("IN_PROGRESS", 1)
    assert first["claimed_by"] == "one"
    assert first["started_at"] > CREATED


async def test_a_lease_that_is_over_is_taken_over_and_fences_the_former(
    database: Database,
) -> None:
    await ask(database, "e", 1)
    sleeper = jobs_of(database, "sleeper", lease=SHORT)
    former = await taken(sleeper)

    latter = await eventually(jobs_of(database, "other").take)

    assert latter is not None
    assert (latter["claim"], latter["claimed_by"]) == (2, "other")
    assert latter["started_at"] == former["started_at"]
    with pytest.raises(Fenced):
        await sleeper.put_part(former, 0, {"number": 0}, {"rows": 1})
    with pytest.raises(Fenced):
        await sleeper.renew(former)
    with pytest.raises(Fenced):
        await sleeper.end(former, {"status": "DONE"})
    now = await database["exports"].find_one({"_id": "shop/e"})
    assert now == latter


async def test_a_renewed_lease_is_kept(database: Database) -> None:
    await ask(database, "e", 1)
    jobs = jobs_of(database, lease=timedelta(seconds=1))
    export = await taken(jobs)

    for _ in range(6):
        await asyncio.sleep(0.25)  # of a lease of 1 s
        await jobs.renew(export)
        assert await jobs_of(database, "other").take() is None


async def test_what_is_let_go_of_is_taken_at_once(database: Database) -> None:
    await ask(database, "e", 1)
    jobs = jobs_of(database)
    await jobs.let_go(await taken(jobs))

    export = await taken(jobs_of(database, "other"))

    assert export["claim"] == 2


@pytest.mark.parametrize(
    "change",
    [{"$set": {"status": "ERROR"}}, {"$set": {"deleted_at": CREATED}}],
    ids=["cancelled", "deleted"],
)
async def test_what_was_cancelled_or_deleted_fences_its_runner(
    database: Database, change: Document
) -> None:
    await ask(database, "e", 1)
    jobs = jobs_of(database)
    export = await taken(jobs)
    await database["exports"].update_one({"_id": "shop/e"}, change)

    with pytest.raises(Fenced):
        await jobs.renew(export)


async def test_a_backlog_of_one_project_delays_no_other(database: Database) -> None:
    for number in range(5):
        await ask(database, f"big-{number}", number, "big")
    await ask(database, "small", 9, "small")
    jobs = jobs_of(database, at_once=3, of_a_project=2)

    names = [(await taken(jobs))["id"] for _ in range(3)]

    assert names == ["big-0", "small", "big-1"]
    assert await jobs.take() is None


async def test_a_project_at_its_limit_waits_while_there_is_room_for_others(
    database: Database,
) -> None:
    await ask(database, "a", 1)
    await ask(database, "b", 2)
    jobs = jobs_of(database, of_a_project=1)
    first = await taken(jobs)
    assert await jobs.take() is None

    await jobs.end(first, {"status": "DONE"})

    assert (await taken(jobs))["id"] == "b"


async def test_many_processes_that_claim_at_once_keep_to_the_limits(
    database: Database,
) -> None:
    for number in range(40):
        await ask(database, f"e-{number}", number, f"project-{number % 4}")
    processes = [
        jobs_of(database, f"process-{n}", at_once=5, of_a_project=2) for n in range(8)
    ]

    for _ in range(4):
        claims = await asyncio.gather(*(one.take() for one in processes * 2))

        running = [
            one["project_id"]
            async for one in database["exports"].find({"status": "IN_PROGRESS"})
        ]
        assert len(running) <= 5
        assert max(running.count(one) for one in set(running)) <= 2
        for jobs, export in zip(processes * 2, claims, strict=True):
            if export is not None:
                await jobs.end(export, {"status": "DONE"})

    assert await database["exports"].count_documents({"status": "DONE"}) >= 4


async def test_who_wakes_up_when_others_have_its_room_lets_go(
    database: Database,
) -> None:
    await ask(database, "a", 1)
    sleeper = jobs_of(database, "sleeper", lease=SHORT, at_once=1)
    asleep = await taken(sleeper)
    await ask(database, "b", 0)
    await eventually(jobs_of(database, "other", at_once=1).take)

    with pytest.raises(Fenced):
        await sleeper.renew(asleep)

    now = await database["exports"].find_one({"_id": "shop/a"})
    assert now is not None
    assert "claimed_by" not in now


async def test_an_end_may_be_written_again_and_tells_the_announcer(
    database: Database,
) -> None:
    await ask(database, "e", 1)
    jobs = jobs_of(database)
    export = await taken(jobs)

    await jobs.end(export, {"status": "DONE"})
    await jobs.end(export, {"status": "DONE"})

    now = await database["exports"].find_one({"_id": "shop/e"})
    assert now is not None
    assert (now["status"], now["announced"], now["unannounced"]) == (
        "DONE",
        False,
        True,
    )
    assert not {"waiting", "cursor", "leased_until", "claimed_by"} & now.keys()
