"""The tracker over a real broker: what it folds, passes over, and finds stalled."""

import json
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from os import environ
from typing import Any

import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from daybook.runtime.tracing import Tracer
from daybook.testing.records import task_event
from daybook.testing.spans import Spans
from daybook.testing.waiting import eventually
from pymongo import AsyncMongoClient
from task_tracker.app import TaskTracker
from task_tracker.settings import Settings

Document = dict[str, Any]


class Tracking:
    """A tracker of the test's own, its topic and its documents."""

    def __init__(self, settings: Settings, tasks: Any, producer: Any) -> None:
        self.settings = settings
        self.tasks = tasks
        self.producer = producer
        self.sent = 0

    async def send(
        self, kind: Any, *, traceparent: str | None = None, **data: Any
    ) -> None:
        self.sent += 1
        event = task_event(
            kind, id=f"e-{self.sent}", time=..., traceparent=traceparent or ...
        )
        event["data"] = {"task_id": "t"} | data
        await self.send_bytes(json.dumps(event).encode())

    async def send_bytes(self, value: bytes | None) -> None:
        topic = self.settings.tasks_topic
        await self.producer.send_and_wait(topic, value, key=b"t", partition=0)

    @asynccontextmanager
    async def tracker(self, tracer: Tracer | None = None) -> AsyncGenerator[None]:
        """Run it; stop it in good order at the end."""
        tracker = TaskTracker(self.settings, tracer)
        async with tracker.app.start_lifespan_context():
            yield

    async def becomes(self, **expected: Any) -> Document:
        """Wait until the task has these values."""
        found: Document = {}

        async def so() -> bool:
            document = await self.tasks.find_one({"_id": "demo/t"})
            found.clear()
            found.update(document or {})
            return all(found.get(name) == value for name, value in expected.items())

        await eventually(so, within=30)
        return found


@pytest_asyncio.fixture
async def tracking(
    kafka_bootstrap: str,
    mongodb_uri: str,
    mongo_client: AsyncMongoClient[Document],
    database_name: str,
    make_topic: Callable[..., Awaitable[str]],
    random_name: Callable[[str], str],
) -> AsyncIterator[Tracking]:
    settings = Settings(
        kafka_bootstrap_servers=kafka_bootstrap,
        mongodb_uri=mongodb_uri,
        mongodb_database=database_name,
        group_id=random_name("tracker"),
        tasks_topic=await make_topic("tasks", partitions=1),
    )
    producer: Any = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap)
    async with producer:
        yield Tracking(settings, mongo_client[database_name]["tasks"], producer)


async def test_a_task_is_followed_from_enqueued_to_done(tracking: Tracking) -> None:
    async with tracking.tracker():
        await tracking.send("enqueued", total=4)
        await tracking.becomes(status="ENQUEUED", progress=0)
        await tracking.send("progressed", done_count=1)
        await tracking.becomes(status="IN_PROGRESS", progress=25)
        await tracking.send("finished", outcome="DONE")
        await tracking.becomes(status="DONE", progress=100)


async def test_bad_records_hold_nobody_back(tracking: Tracking) -> None:
    for value in (None, b"", b"{not json", b"[]", b"[" * 200, b'{"id": "\xff"}'):
        await tracking.send_bytes(value)
    await tracking.send("started", run="one")
    await tracking.send("enqueued")

    async with tracking.tracker():
        await tracking.becomes(status="ENQUEUED")


async def test_a_task_that_falls_silent_is_stalled_until_it_is_heard_of_again(
    tracking: Tracking,
) -> None:
    async with tracking.tracker():
        await tracking.send("started", heartbeat_s=0.5)
        task = await tracking.becomes(status="IN_PROGRESS", stalled=True)
        assert "stalls_at" not in task

        await tracking.send("progressed", done_count=1)
        await tracking.becomes(stalled=False, done_count=1)
        await tracking.becomes(stalled=True, status="IN_PROGRESS")

        await tracking.send("finished", outcome="DONE")
        await tracking.becomes(stalled=False, status="DONE")


async def test_a_task_that_promised_no_signs_of_life_is_never_stalled(
    tracking: Tracking,
) -> None:
    async with tracking.tracker():
        await tracking.send("started", task_id="silent", heartbeat_s=0.2)
        await tracking.send("started")

        async def other_is_stalled() -> bool:
            silent = {"_id": "demo/silent", "stalled": True}
            return await tracking.tasks.count_documents(silent) == 1

        await eventually(other_is_stalled, within=30)
        await tracking.becomes(status="IN_PROGRESS", stalled=False)


async def test_on_sigterm_all_that_was_taken_is_folded_and_committed(
    tracking: Tracking,
) -> None:
    settings = tracking.settings
    process = subprocess.Popen(  # noqa: ASYNC220 - starting it blocks for a moment only
        [sys.executable, "-m", "task_tracker"],
        env=environ
        | {
            "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
            "MONGODB_URI": settings.mongodb_uri,
            "DAYBOOK_MONGODB_DATABASE": settings.mongodb_database,
            "DAYBOOK_TASKS_TOPIC": settings.tasks_topic,
            "DAYBOOK_TASK_TRACKER_GROUP_ID": settings.group_id,
            "DAYBOOK_HEALTH_PORT": "0",
            # Only the stop commits.
            "DAYBOOK_COMMIT_EVERY": "PT1H",
        },
    )
    try:
        for number in range(20):
            await tracking.send("progressed", done_count=number)
        await tracking.becomes(done_count=19)
        process.send_signal(signal.SIGTERM)
        await eventually(lambda: process.poll() is not None, within=20)
    finally:
        process.kill()
        process.wait()  # it was killed

    assert process.returncode in (0, -signal.SIGTERM)
    assert await committed(settings) == 20


async def committed(settings: Settings) -> int | None:
    consumer: Any = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=settings.group_id,
        enable_auto_commit=False,
    )
    async with consumer:
        return await consumer.committed(TopicPartition(settings.tasks_topic, 0))


async def test_where_spans_are_made_each_write_is_linked_to_its_tasks_traces(
    tracking: Tracking,
) -> None:
    spans = Spans()
    trace = "0af7651916cd43dd8448eb211c80319c"
    traceparent = f"00-{trace}-b7ad6b7169203331-01"

    async with tracking.tracker(spans.tracer):
        await tracking.send("started", traceparent=traceparent)
        await tracking.becomes(status="IN_PROGRESS")

    (write,) = spans.named(f"process {tracking.settings.group_id}")
    assert [f"{link.context.trace_id:032x}" for link in write.links] == [trace]
