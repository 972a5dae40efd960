"""A project moves to another tier under load, and who moves it is killed and frozen."""

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from daybook.testing.records import request_event
from daybook.testing.servers import ServerHandle
from daybook.testing.stored_logs import stored_log
from daybook.testing.stored_sendouts import stored_sendout
from daybook.testing.waiting import eventually
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

Document = dict[str, Any]
PARTITIONS = 4
# What is nearly as old as that expires while the test looks on, after both faults.
KEPT, EXPIRE_IN = timedelta(hours=2), timedelta(seconds=150)
TIERS = f"shared={int(KEPT.total_seconds())}s,dedicated=365d"
OLD, YOUNG, SENDOUTS, PER_SECOND = 400, 8_000, 1_000, 100


class Traffic:
    """Requests of two projects, for as long as the test wants."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.enough = False
        self.sent: dict[str, set[str]] = {"shop": set(), "bank": set()}
        self._bootstrap = bootstrap
        self._topic = topic

    async def publish(self) -> None:
        producer: Any = AIOKafkaProducer(bootstrap_servers=self._bootstrap)
        number = 0
        async with producer:
            while not self.enough:
                number += 1
                for project, ids in self.sent.items():
                    name = f"new-{number}"
                    event = request_event(id=name, projectid=project, time=...)
                    await producer.send_and_wait(
                        self._topic, json.dumps(event).encode(), key=name.encode()
                    )
                    ids.add(f"{project}/{name}")


class Progress:
    """How far ingest is with the move, by its own word."""

    def __init__(self, commands: Any) -> None:
        self._commands = commands
        self._moved = 0

    async def goes_on(self, *, run: int, by: int) -> None:
        """Wait until that run, or a later one, has stamped so many more."""

        async def it_does() -> bool:
            try:
                found = await self._commands.find_one({"kind": "events.move_tier"})
            except PyMongoError:
                return False
            if found is None or "progress" not in found or found["claim"] < run:
                return False
            assert found["status"] == "ACCEPTED", "it ended too soon to be disturbed"
            return found["progress"]["moved"] >= self._moved + by

        await eventually(it_does, within=120)
        found = await self._commands.find_one({"kind": "events.move_tier"})
        self._moved = found["progress"]["moved"]


def logs_of(project: str, now: datetime) -> list[Document]:
    """Some that the former tier expires within minutes, and many that it keeps."""
    soon, ago = now - KEPT + EXPIRE_IN, now - timedelta(seconds=30)
    old = [stored_log(f"old-{n}", soon, project_id=project) for n in range(OLD)]
    return old + [
        stored_log(f"young-{n}", ago, project_id=project) for n in range(YOUNG)
    ]


@pytest.mark.fault
@pytest.mark.timeout(600)
async def test_all_ends_in_the_new_tier_and_nothing_expires_early(
    kafka_bootstrap: str,
    prompt_mongodb: ServerHandle,
    make_topic: Callable[..., Awaitable[str]],
    random_name: Callable[[str], str],
    spawn: Callable[..., Any],
) -> None:
    requests = await make_topic("requests", partitions=PARTITIONS)
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap,
        "MONGODB_URI": prompt_mongodb.address,
        "DAYBOOK_TIERS": TIERS,
        "DAYBOOK_REQUESTS_TOPIC": requests,
        "DAYBOOK_TASKS_TOPIC": await make_topic("tasks", partitions=1),
        "DAYBOOK_WEBHOOKS_TOPIC": await make_topic("webhooks", partitions=1),
        "DAYBOOK_DEAD_LETTERS_TOPIC": await make_topic("letters", partitions=1),
        "DAYBOOK_INGEST_GROUP_ID": random_name("ingest"),
        "DAYBOOK_WEBHOOK_DISPATCHER_GROUP_ID": random_name("dispatcher"),
        "DAYBOOK_SEALING_KEYS": "k1:a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=",
        "DAYBOOK_SESSION_TIMEOUT": "PT6S",
        "DAYBOOK_PROJECTS_REFRESH": "PT1S",
        "DAYBOOK_TIER_MOVES_PER_SECOND": str(PER_SECOND),
        "DAYBOOK_HEALTH_PORT": "0",
    }
    client: AsyncMongoClient[Document] = AsyncMongoClient(prompt_mongodb.address)
    async with client:
        database = client["daybook"]
        logs, sendouts = database["logs"], database["sendouts"]
        traffic = Traffic(kafka_bootstrap, requests)
        publishing = asyncio.create_task(traffic.publish())
        ingests = [spawn("ingest", environment) for _ in range(2)]
        dispatcher = spawn("webhook_dispatcher", environment)
        await admin(environment, "project", "create", "shop")
        await admin(environment, "project", "create", "bank")
        await eventually(lambda: stored(logs, "shop", 100), within=60)
        await eventually(lambda: is_indexed(sendouts), within=60)

        begun = datetime.now(UTC)
        await logs.insert_many(logs_of("shop", begun) + logs_of("bank", begun))
        await sendouts.insert_many(
            [
                stored_sendout(f"whs_{n}", begun, project_id="shop", settled_at=begun)
                for n in range(SENDOUTS)
            ]
        )
        moving = asyncio.create_task(
            admin(
                environment, "project", "move", "shop", "--tier", "dedicated", "--wait"
            )
        )

        move = Progress(database["commands"])
        await move.goes_on(run=1, by=OLD + 200)

        # Both: nobody else knows which of them it is that moves.
        for process in ingests:
            process.kill()
        dispatcher.kill()
        ingests = [spawn("ingest", environment) for _ in range(2)]
        spawn("webhook_dispatcher", environment)
        await move.goes_on(run=2, by=400)

        await prompt_mongodb.restart()
        await move.goes_on(run=2, by=400)

        for process in ingests:
            process.send_signal(signal.SIGSTOP)
        others = [spawn("ingest", environment) for _ in range(2)]
        await move.goes_on(run=3, by=400)
        for process in ingests:
            process.send_signal(signal.SIGCONT)

        said = await moving
        traffic.enough = True
        await publishing

        async def all_is_stored() -> bool:
            there = {one["_id"] async for one in logs.find({}, {"_id": 1})}
            return all(ids <= there for ids in traffic.sent.values())

        await eventually(all_is_stored, within=60)

        async def bank_has_expired() -> bool:
            old = {"project_id": "bank", "_id": {"$regex": "/old-"}}
            return await logs.count_documents(old) == 0

        await eventually(bank_has_expired, within=EXPIRE_IN.total_seconds())

        shop = [one async for one in logs.find({"project_id": "shop"}, {"tier": 1})]
        assert len(shop) == OLD + YOUNG + len(traffic.sent["shop"])
        assert {one["tier"] for one in shop} == {"dedicated"}
        assert await logs.distinct("tier", {"project_id": "bank"}) == ["shared"]
        assert await sendouts.distinct("tier") == ["dedicated"]
        assert await sendouts.count_documents({}) == SENDOUTS
        assert said.count("documents moved to the tier dedicated") == 2
        assert f"webhook-dispatcher: {SENDOUTS} documents moved" in said
        assert all(process.poll() is None for process in (*ingests, *others))


async def admin(environment: dict[str, str], *arguments: str) -> str:
    """What ``daybook admin`` says; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("daybook"),
        "admin",
        *arguments,
        env={**environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said
    return said.decode()


async def stored(logs: Any, project: str, least: int) -> bool:
    return await logs.count_documents({"project_id": project}) >= least


async def is_indexed(collection: Any) -> bool:
    return "ttl_shared" in await collection.index_information()
