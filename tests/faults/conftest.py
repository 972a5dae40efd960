"""Processes to kill and freeze, where they run, and what their groups have to read."""

import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition
from daybook.runtime.kafka_topics import ensure_topics
from daybook.testing.servers import ServerHandle
from daybook_local import servers

Process = subprocess.Popen[bytes]
Spawn = Callable[[str, Mapping[str, str]], Process]


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Spawn]:
    """Start ``python -m MODULE`` with more environment; all end with the test."""
    started: list[Process] = []

    def start(module: str, environment: Mapping[str, str]) -> Process:
        with (tmp_path / f"{module}-{len(started)}.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own
                [sys.executable, "-m", module],
                env={**os.environ, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest_asyncio.fixture
async def surroundings(
    kafka_bootstrap: str,
    mongodb_uri: str,
    database_name: str,
    random_name: Callable[[str], str],
    tmp_path: Path,
) -> dict[str, str]:
    """Where the processes of one test run: its database, groups and folder of files.

    The topics are there. A test adds what its service needs beside these.
    """
    await ensure_topics(kafka_bootstrap)
    return {
        "KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap,
        "MONGODB_URI": mongodb_uri,
        "DAYBOOK_MONGODB_DATABASE": database_name,
        "DAYBOOK_INGEST_GROUP_ID": random_name("ingest"),
        "DAYBOOK_TASK_TRACKER_GROUP_ID": random_name("tracker"),
        "DAYBOOK_WEBHOOK_DISPATCHER_GROUP_ID": random_name("dispatcher"),
        "DAYBOOK_EXPORTER_GROUP_ID": random_name("exporter"),
        "DAYBOOK_STORAGE_URL": str(tmp_path / "objects"),
        "DAYBOOK_HEALTH_PORT": "0",
    }


@pytest.fixture
def prompt_mongodb(tmp_path: Path) -> Iterator[ServerHandle]:
    """A MongoDB that looks for what has expired each second, and not each minute."""
    server = servers.mongodb_server(
        tmp_path / "mongodb", parameters={"ttlMonitorSleepSecs": "1"}
    )
    try:
        server.start_now()
        yield server
    finally:
        server.stop_now()


@pytest.fixture
def all_is_committed(
    kafka_bootstrap: str,
) -> Callable[[str, str, int], Awaitable[bool]]:
    """Whether a group has nothing left to read of a topic's partitions."""

    async def ask(group: str, topic: str, partitions: int) -> bool:
        consumer: Any = AIOKafkaConsumer(
            bootstrap_servers=kafka_bootstrap, group_id=group, enable_auto_commit=False
        )
        all_of_it = [TopicPartition(topic, number) for number in range(partitions)]
        async with consumer:
            ends = await consumer.end_offsets(all_of_it)
            committed = [await consumer.committed(one) for one in all_of_it]
        return committed == [ends[one] for one in all_of_it]

    return ask
