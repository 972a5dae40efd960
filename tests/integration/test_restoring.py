"""The runbook "Back up, and restore", carried out: nothing is lost, nothing twice."""

import os
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from daybook import Client
from daybook.events.request import RequestCompleted
from daybook.testing.servers import ServerHandle
from daybook.testing.waiting import eventually
from daybook_local.jars import Jar, cache_dir, read_lock, resolve_jars
from daybook_local.java import find_java
from pymongo import MongoClient

Environment = dict[str, str]
# Beside the jars that the broker runs on, of the same version.
TOOLS = Jar(
    "org.apache.kafka:kafka-tools:4.3.1",
    "62f3c5dd7aa3442d4c5bc6a95f86e2502178ea09de8e27f74d9563bf955e253c",
)


def set_back(bootstrap: str, group: str, topic: str, moment: datetime) -> None:
    """`kafka-consumer-groups.sh --reset-offsets --to-datetime … --execute`."""
    jars = resolve_jars(cache_dir(os.environ), jars=[*read_lock(), TOOLS])
    told = subprocess.run(  # noqa: S603 - Apache Kafka's own tool
        [
            str(find_java(os.environ)),
            *("-cp", os.pathsep.join(map(str, jars))),
            "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
            *("--bootstrap-server", bootstrap, "--group", group, "--topic", topic),
            *("--reset-offsets", "--to-datetime"),
            moment.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "--execute",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert topic in told.stdout, told.stderr


def mend_layout(environment: Environment) -> None:
    daybook = Path(sys.executable).with_name("daybook")
    subprocess.run(  # noqa: S603 - our own
        [str(daybook), "admin", "init", "--no-topics"],
        env={**os.environ, **environment},
        check=True,
    )


@contextmanager
def ingest(environment: Environment) -> Generator[None]:
    """The service, stopped in good order."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ingest"], env={**os.environ, **environment}
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
async def environment(
    kafka_bootstrap: str,
    mongodb_server: ServerHandle,
    make_topic: Callable[..., Awaitable[str]],
    random_name: Callable[[str], str],
) -> Environment:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap,
        "MONGODB_URI": mongodb_server.address,
        "DAYBOOK_HEALTH_PORT": "0",
        "DAYBOOK_INGEST_GROUP_ID": random_name("ingest"),
        "DAYBOOK_REQUESTS_TOPIC": await make_topic("requests", partitions=2),
        "DAYBOOK_TASKS_TOPIC": await make_topic("tasks", partitions=1),
        "DAYBOOK_WEBHOOKS_TOPIC": await make_topic("webhooks", partitions=1),
    }


async def publish(environment: Environment, *names: str) -> None:
    class Request(RequestCompleted):
        topic = environment["DAYBOOK_REQUESTS_TOPIC"]

    servers = environment["KAFKA_BOOTSTRAP_SERVERS"]
    async with Client(servers, source="shop", project_id="demo") as client:
        for name in names:
            client.publish(
                Request(
                    request_id=name,
                    method="GET",
                    url=f"https://shop.example/{name}",
                    status_code=200,
                )
            )


async def test_what_came_after_a_backup_is_read_again_and_stored_once(
    environment: Environment, mongodb_server: ServerHandle, tmp_path: Path
) -> None:
    data, backup = tmp_path / "mongodb" / "data", tmp_path / "backup"

    def stored() -> list[str]:
        with MongoClient[dict[str, Any]](environment["MONGODB_URI"]) as client:
            return sorted(one["request_id"] for one in client["daybook"]["logs"].find())

    with ingest(environment):
        await publish(environment, "before")
        await eventually(lambda: stored() == ["before"], within=60)
        begun_at = datetime.now(UTC)
        # A snapshot of the volume: here a copy while nothing is written.
        with MongoClient[dict[str, Any]](environment["MONGODB_URI"]) as client:
            client.admin.command("fsync", lock=True)
            shutil.copytree(data, backup)
            client.admin.command("fsyncUnlock")
        await publish(environment, "after")
        await eventually(lambda: stored() == ["after", "before"], within=60)

    await mongodb_server.kill()
    shutil.rmtree(data)
    shutil.copytree(backup, data)
    await mongodb_server.start()
    lost = stored()
    mend_layout(environment)
    set_back(
        environment["KAFKA_BOOTSTRAP_SERVERS"],
        environment["DAYBOOK_INGEST_GROUP_ID"],
        environment["DAYBOOK_REQUESTS_TOPIC"],
        begun_at - timedelta(minutes=1),
    )

    with ingest(environment):
        await eventually(lambda: len(stored()) > 1, within=60)
        await publish(environment, "later")
        await eventually(lambda: "later" in stored(), within=60)

    assert lost == ["before"]
    assert stored() == ["after", "before", "later"]
