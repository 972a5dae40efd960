"""Both faces of the client behind one, and what tests of it share."""

import asyncio
import socket
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, Unpack, cast

import orjson
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer
from daybook import Client, SyncClient
from daybook.client import CloseReport, Options, Stats
from daybook.events.base import Event
from daybook.events.request import RequestCompleted


class Face(Protocol):
    """What both clients do, awaited where one of them blocks."""

    @property
    def source(self) -> str: ...
    @property
    def stats(self) -> Stats: ...
    async def start(self) -> None: ...
    def publish(self, event: Event, *, project_id: str | None = None) -> None: ...
    async def publish_wait(
        self, event: Event, *, timeout: timedelta | None = None
    ) -> bool: ...
    async def close(self, timeout: timedelta | None = None) -> CloseReport: ...


class SyncFace:
    """A ``SyncClient``, off the event loop where it blocks."""

    def __init__(self, client: SyncClient) -> None:
        self.client = client

    @property
    def source(self) -> str:
        return self.client.source

    @property
    def stats(self) -> Stats:
        return self.client.stats

    async def start(self) -> None:
        self.client.start()

    def publish(self, event: Event, *, project_id: str | None = None) -> None:
        self.client.publish(event, project_id=project_id)

    async def publish_wait(
        self, event: Event, *, timeout: timedelta | None = None
    ) -> bool:
        return await asyncio.to_thread(self.client.publish_wait, event, timeout=timeout)

    async def close(self, timeout: timedelta | None = None) -> CloseReport:
        return await asyncio.to_thread(self.client.close, timeout)


MakeFace = Callable[..., Face]
MakeEvent = Callable[..., RequestCompleted]
ReadTopic = Callable[[str, str, int], Awaitable[list[dict[str, Any]]]]


@pytest_asyncio.fixture(params=[Client, SyncClient])
async def make_face(request: pytest.FixtureRequest) -> AsyncIterator[MakeFace]:
    """Makes a client of either face; closes it without a flush at the end."""
    async with AsyncExitStack() as stack:

        def make(bootstrap: str, **options: Unpack[Options]) -> Face:
            options.setdefault("project_id", "demo")
            client = request.param(bootstrap, source="shop", **options)
            face: Face = client if isinstance(client, Client) else SyncFace(client)
            stack.push_async_callback(face.close, timedelta(0))
            return face

        yield make


@pytest.fixture
def make_event() -> MakeEvent:
    """Makes an event of a given key, for a given topic."""
    classes: dict[str, type[RequestCompleted]] = {}

    def make(
        key: str = "req_1", topic: str = RequestCompleted.topic, **fields: Any
    ) -> RequestCompleted:
        made = classes.get(topic)
        if made is None:
            name, bases = "RequestElsewhere", (RequestCompleted,)
            namespace = {"topic": topic, "__module__": __name__}
            made = cast("type[RequestCompleted]", type(name, bases, namespace))
            classes[topic] = made
        needed: dict[str, Any] = {"method": "GET", "url": "https://shop.example/"}
        return made(request_id=key, **(needed | fields))

    return make


@pytest.fixture
def read_topic() -> ReadTopic:
    """Reads a topic from its start until ``at_least`` different events were there."""

    async def read(bootstrap: str, topic: str, at_least: int) -> list[dict[str, Any]]:
        consumer: Any = AIOKafkaConsumer(
            topic,
            bootstrap_servers=bootstrap,
            auto_offset_reset="earliest",
            fetch_max_bytes=64 * 1024 * 1024,
            max_partition_fetch_bytes=8 * 1024 * 1024,
        )
        events: list[dict[str, Any]] = []
        await consumer.start()
        try:
            async with asyncio.timeout(30):
                while len({event["id"] for event in events}) < at_least:
                    polled = await consumer.getmany(timeout_ms=200)
                    for records in polled.values():
                        events += [orjson.loads(record.value) for record in records]
        finally:
            await consumer.stop()
        return events

    return read


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address that refuses connections for as long as the test runs."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound and never listening
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@dataclass(frozen=True, slots=True)
class Ran:
    """A program that ended."""

    code: int | None
    out: str
    err: str


@pytest.fixture
def run_python() -> Callable[..., Awaitable[Ran]]:
    """Runs a script in another interpreter, for a minute at most."""

    async def run(script: str, *arguments: str) -> Ran:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            textwrap.dedent(script),
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(60):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        return Ran(process.returncode, out.decode(), err.decode())

    return run
