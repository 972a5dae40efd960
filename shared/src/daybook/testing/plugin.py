"""The pytest plugin: a real Kafka and a real MongoDB, once a run, and small change.

Loaded by ``-p daybook.testing.plugin`` or ``pytest_plugins``. Importing it starts
nothing; the servers come up when the first test asks for one.
"""

import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pymongo import AsyncMongoClient

from daybook.events.topics import Topic
from daybook.testing import docker
from daybook.testing.servers import (
    ServerHandle,
    Source,
    kafka_source,
    mongodb_source,
)

MakeTopic = Callable[..., Any]


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap servers of a real Kafka, shared by the run: use topics of your own."""
    source = kafka_source(os.environ)
    with ExitStack() as stack:
        if source is Source.GIVEN:
            yield os.environ["KAFKA_BOOTSTRAP_SERVERS"]
        elif source is Source.DOCKER:
            yield stack.enter_context(docker.kafka_container())
        else:
            from daybook_local import servers

            server = servers.kafka_server(tmp_path_factory.mktemp("kafka"))
            stack.callback(server.stop_now)
            server.start_now()
            yield server.address


@pytest.fixture(scope="session")
def mongodb_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MongoDB (a replica set), shared by the run: use databases of your own."""
    source = mongodb_source(os.environ)
    with ExitStack() as stack:
        if source is Source.GIVEN:
            yield os.environ["MONGODB_URI"]
        elif source is Source.DOCKER:
            yield stack.enter_context(docker.mongodb_container())
        else:
            from daybook_local import servers

            server = servers.mongodb_server(tmp_path_factory.mktemp("mongodb"))
            stack.callback(server.stop_now)
            server.start_now()
            yield server.address


@pytest_asyncio.fixture
async def mongo_client(
    mongodb_uri: str,
) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
    """A client of the test's own event loop, closed at its end; times are aware."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
        mongodb_uri, tz_aware=True, serverSelectionTimeoutMS=10_000
    )
    async with client:
        yield client


@pytest_asyncio.fixture
async def database_name(
    mongo_client: AsyncMongoClient[dict[str, Any]],
) -> AsyncIterator[str]:
    """The name of an empty database of this test's own, dropped at its end."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield name
    await mongo_client.drop_database(name)


@pytest.fixture
def random_name() -> Callable[[str], str]:
    """Makes names that nobody else has: of topics, groups, projects."""

    def make(prefix: str) -> str:
        return f"{prefix}-{uuid.uuid4().hex[:12]}"

    return make


@pytest_asyncio.fixture
async def make_topic(
    kafka_bootstrap: str, random_name: Callable[[str], str]
) -> MakeTopic:
    """Makes a topic with a random name, as Daybook makes its own; returns the name.

    ``await make_topic(partitions=3, max_message_bytes=…, prefix="requests")``
    """
    from daybook.runtime.kafka_topics import ensure_topics

    async def make(prefix: str = "topic", **settings: Any) -> str:
        topic = Topic(name=random_name(prefix), keyed_by="anything", **settings)
        await ensure_topics(kafka_bootstrap, [topic])
        return topic.name

    return make


@pytest_asyncio.fixture
async def unique_topic(make_topic: MakeTopic) -> str:
    """The name of a topic of this test's own: 6 partitions, 4 MiB a record."""
    name: str = await make_topic()
    return name


@pytest.fixture
def kafka_server(tmp_path: Path) -> Iterator[ServerHandle]:
    """A Kafka of this test's own, to kill, freeze and restart; always the embedded one.

    It costs some 5 s: where a shared one will do, take ``kafka_bootstrap``.
    """
    from daybook_local import servers

    server = servers.kafka_server(tmp_path / "kafka")
    try:
        server.start_now()
        yield server
    finally:
        server.stop_now()


@pytest.fixture
def mongodb_server(tmp_path: Path) -> Iterator[ServerHandle]:
    """A MongoDB of this test's own, to kill, freeze and restart; the embedded one."""
    from daybook_local import servers

    server = servers.mongodb_server(tmp_path / "mongodb")
    try:
        server.start_now()
        yield server
    finally:
        server.stop_now()
