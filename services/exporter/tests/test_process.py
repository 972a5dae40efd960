"""The exporter as a process: asked by event, it makes a file and tells of it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from daybook.events.base import Event
from daybook.events.export import ExportRecorded, ExportRequested
from daybook.events.topics import TASKS, WEBHOOKS
from daybook.events.writing import encode
from daybook.exports.parameters import read_parameters
from daybook.runtime.kafka_topics import ensure_topics
from daybook.storage.exports import new_export, text_part
from daybook.storage.logs import ensure_logs
from daybook.testing.stored_logs import stored_log
from daybook.testing.waiting import eventually
from pymongo.asynchronous.database import AsyncDatabase

Document = dict[str, Any]
NOW = datetime.now(UTC)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class World:
    """A database, a folder and topics, and exporters over them."""

    def __init__(
        self, database: AsyncDatabase[Document], topic: str, environment: dict[str, str]
    ) -> None:
        self.database = database
        self.project = f"p{topic[-8:]}"
        self.folder = Path(environment["DAYBOOK_STORAGE_URL"])
        self._topic = topic
        self.environment = environment
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, "-m", "exporter"], env=os.environ | self.environment
        )
        self._started.append(process)
        return process

    def end(self) -> None:
        for process in self._started:
            process.kill()
            process.wait()

    async def publish(
        self, event: Event, event_id: str, traceparent: str | None = None
    ) -> None:
        record = encode(
            event,
            id=event_id,
            source="billing",
            time=NOW,
            project_id=self.project,
            traceparent=traceparent,
        )
        producer: Any = AIOKafkaProducer(
            bootstrap_servers=self.environment["KAFKA_BOOTSTRAP_SERVERS"]
        )
        async with producer:
            await producer.send_and_wait(self._topic, record.value, key=record.key)

    async def export(self, export_id: str, **wanted: Any) -> Document:
        """The export, once it is as wanted."""
        key = {"_id": f"{self.project}/{export_id}", **wanted}

        async def is_so() -> bool:
            return await self.database["exports"].find_one(key) is not None

        await eventually(is_so, within=60)
        found = await self.database["exports"].find_one(key)
        assert found is not None
        return found

    async def told(self, topic: str) -> list[Document]:
        """What the topic has of this project."""
        consumer: Any = AIOKafkaConsumer(
            topic,
            bootstrap_servers=self.environment["KAFKA_BOOTSTRAP_SERVERS"],
            auto_offset_reset="earliest",
        )
        found: list[Document] = []
        async with consumer:
            ends = await consumer.end_offsets(consumer.assignment())
            for partition, end in ends.items():
                while await consumer.position(partition) < end:
                    (records,) = (
                        await consumer.getmany(partition, timeout_ms=5_000)
                    ).values()
                    found += [json.loads(one.value) for one in records]
        return [one for one in found if one["projectid"] == self.project]


@pytest_asyncio.fixture
async def world(
    database: AsyncDatabase[Document],
    mongodb_uri: str,
    kafka_bootstrap: str,
    make_topic: Callable[..., Awaitable[str]],
    tmp_path: Path,
) -> AsyncIterator[World]:
    await ensure_topics(kafka_bootstrap)
    await ensure_logs(database["logs"], {"shared": timedelta(days=180)})
    topic = await make_topic("exports", partitions=1)
    environment = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap,
        "MONGODB_URI": mongodb_uri,
        "DAYBOOK_MONGODB_DATABASE": database.name,
        "DAYBOOK_EXPORTS_TOPIC": topic,
        "DAYBOOK_EXPORTER_GROUP_ID": topic,
        "DAYBOOK_STORAGE_URL": str(tmp_path / "objects"),
        # No ingest runs here: nothing is waited for.
        "DAYBOOK_WATERMARKS_WITHIN": "PT0S",
        "DAYBOOK_EXPORT_LEASE": "PT2S",
        "DAYBOOK_HEALTH_PORT": "0",
    }
    made = World(database, topic, environment)
    yield made
    made.end()


async def store_logs(world: World, count: int) -> None:
    await world.database["logs"].insert_many(
        [
            stored_log(
                f"log-{number}",
                NOW - timedelta(minutes=number + 1),
                project_id=world.project,
            )
            for number in range(count)
        ]
    )


def asked(export_id: str, **parameters: Any) -> ExportRequested:
    return ExportRequested(
        export_id=export_id,
        exported_object="api_log",
        parameters=json.dumps(parameters),
        user_id="ann",
    )


async def test_a_service_asks_by_event_and_is_told_once(world: World) -> None:
    await store_logs(world, 3)
    process = world.start()

    for _ in range(2):  # as a redelivery
        await world.publish(asked("exp_1", fields=["id"]), "e-1", TRACEPARENT)
    export = await world.export("exp_1", announced=True)

    text = (world.folder / text_part(export, export["parts"][0])).read_text()
    assert text.split("\n")[0].strip() == "id"
    assert [line.strip(' "\r') for line in text.split("\n")[1:4]] == [
        f"log-{number}" for number in range(3)
    ]
    tasks = [one for one in await world.told(TASKS) if one["source"] == "exporter"]
    assert [one["id"] for one in tasks] == [
        "exp_1.enqueued",
        "exp_1.started",
        "exp_1.finished",
    ]
    assert {one["traceparent"] for one in tasks} == {TRACEPARENT}
    assert tasks[-1]["data"]["outcome"] == "DONE"
    (webhook,) = await world.told(WEBHOOKS)
    assert (webhook["id"], webhook["source"]) == ("exp_1.done", "exporter")
    assert webhook["data"]["event_type"] == "export.done"
    assert webhook["traceparent"] == TRACEPARENT
    assert webhook["data"]["payload"]["rows"] == 3
    process.send_signal(signal.SIGTERM)
    # The server that answers for health hands the signal on once all is closed.
    assert process.wait(30) in (0, -signal.SIGTERM)


async def test_who_dies_before_it_told_is_told_for_under_the_same_id(
    world: World,
) -> None:
    await store_logs(world, 1)
    first = world.start()
    await world.publish(asked("exp_1", fields=["id"]), "e-1")
    await world.export("exp_1", announced=True)
    first.kill()
    first.wait()
    # As it stood between the events and the mark.
    await world.database["exports"].update_one(
        {"id": "exp_1"}, {"$set": {"announced": False, "unannounced": True}}
    )

    world.start()
    await world.export("exp_1", announced=True)

    told = await world.told(WEBHOOKS)
    assert len(told) == 2
    assert told[0] == told[1]


async def test_without_kafka_the_file_is_made_and_told_of_later_once(
    world: World,
) -> None:
    await store_logs(world, 3)
    parameters = read_parameters(
        {"exported_object": "api_log", "parameters": {"fields": ["id"]}}
    )
    await world.database["exports"].insert_one(
        new_export(world.project, "exp_1", parameters, "API", None, NOW, None)
    )
    kafka = world.environment["KAFKA_BOOTSTRAP_SERVERS"]
    world.environment["KAFKA_BOOTSTRAP_SERVERS"] = "127.0.0.1:1"
    alone = world.start()
    made = await world.export("exp_1", status="DONE")
    alone.kill()
    alone.wait()  # it was killed

    world.environment["KAFKA_BOOTSTRAP_SERVERS"] = kafka
    world.start()
    await world.export("exp_1", announced=True)

    assert (made["rows"], made["announced"]) == (3, False)
    assert [one["id"] for one in await world.told(WEBHOOKS)] == ["exp_1.done"]


async def test_a_run_that_waits_is_heard_of_by_its_task(world: World) -> None:
    # It waits for watermarks that never come, so that it can be met while it runs.
    world.environment["DAYBOOK_WATERMARKS_WITHIN"] = "PT600S"
    world.environment["DAYBOOK_EXPORT_LEASE"] = "PT1S"
    world.start()
    await world.publish(asked("exp_1", fields=["id"]), "e-1")

    async def is_heard_of() -> bool:
        return len(await world.told(TASKS)) >= 2

    await eventually(is_heard_of, within=60)

    for one in await world.told(TASKS):
        assert one["type"] == "daybook.task.progressed.v1"
        assert one["data"]["task_id"] == "exp_1"
        assert one["data"]["heartbeat_s"] == 3


async def test_parameters_that_cannot_be_used_fail_with_the_reason(
    world: World,
) -> None:
    world.start()

    await world.publish(asked("exp_1", order="sideways"), "e-1")
    export = await world.export("exp_1", announced=True)

    assert export["status"] == "ERROR"
    assert "use -created_at or created_at" in export["error"]["message"]
    # A sign of life may come after the end.
    told = {one["id"]: one["data"] for one in await world.told(TASKS)}
    assert told["exp_1.finished"]["outcome"] == "FAILED"
    assert await world.told(WEBHOOKS) == []


async def test_a_file_that_a_service_made_is_recorded(world: World) -> None:
    world.start()

    await world.publish(
        ExportRecorded(
            export_id="exp_1",
            exported_object="voucher",
            url="https://files.example/1.csv",
            rows=7,
        ),
        "e-1",
    )
    export = await world.export("exp_1", status="DONE")

    assert export["recorded"] == {"url": "https://files.example/1.csv", "rows": 7}
    assert export["exported_object"] == "voucher"


async def command(world: World, kind: str, export_id: str) -> Document:
    """Give a command as query does; as it is once it is done."""
    key = f"{world.project}/cmd_{kind}"
    await world.database["commands"].insert_one(
        {
            "_id": key,
            "project_id": world.project,
            "id": f"cmd_{kind}",
            "kind": kind,
            "service": "exporter",
            "parameters": {"export_id": export_id},
            "status": "ACCEPTED",
            "claim": 0,
            "created_at": NOW,
        }
    )

    async def is_done() -> bool:
        found = await world.database["commands"].find_one({"_id": key})
        return found is not None and found["status"] != "ACCEPTED"

    await eventually(is_done, within=30)
    found = await world.database["commands"].find_one({"_id": key})
    assert found is not None
    return found


async def test_what_is_cancelled_has_failed_and_its_task_says_so(world: World) -> None:
    # It waits for watermarks that never come, so that it can be met while it runs.
    world.environment["DAYBOOK_WATERMARKS_WITHIN"] = "PT600S"
    world.start()
    await world.publish(asked("exp_1", fields=["id"]), "e-1")
    await world.export("exp_1", status="IN_PROGRESS")

    done = await command(world, "export.cancel", "exp_1")
    export = await world.export("exp_1", announced=True)

    assert done["status"] == "DONE"
    assert (export["status"], export["error"]["message"]) == ("ERROR", "cancelled")
    # A sign of life may come after the end.
    told = {one["id"]: one["data"] for one in await world.told(TASKS)}
    assert told["exp_1.finished"]["outcome"] == "FAILED"
    assert await world.told(WEBHOOKS) == []


async def test_what_is_deleted_takes_its_files_with_it(world: World) -> None:
    await store_logs(world, 2)
    world.start()
    await world.publish(asked("exp_1", fields=["id"]), "e-1")
    export = await world.export("exp_1", announced=True)
    file = world.folder / text_part(export, export["parts"][0])
    assert file.is_file()

    done = await command(world, "export.delete", "exp_1")

    assert done["status"] == "DONE"
    assert not file.exists()
    await world.export("exp_1", deleted_at={"$exists": True})
