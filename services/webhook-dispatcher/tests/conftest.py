"""Certificates made for the test, names that resolve as it says, and a sender."""

# trustme also takes PyOpenSSL's contexts, which are not installed.
# pyright: reportUnknownMemberType=false

import ssl
from base64 import b64encode
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
import trustme
from aiokafka import AIOKafkaProducer
from daybook.runtime.clock import monotonic, utc_now
from daybook.runtime.kafka_topics import ensure_topics
from daybook.runtime.mongo import durable
from daybook.runtime.tracing import Tracer
from daybook.storage.webhook_endpoints import VERSION_ID
from daybook.testing.receivers import Receiver
from daybook.testing.records import webhook_event
from daybook.testing.waiting import eventually
from daybook.webhooks.addresses import AddressRules, networks
from daybook.webhooks.sealing import Box, keys_from
from pymongo import AsyncMongoClient
from webhook_dispatcher.app import WebhookDispatcher
from webhook_dispatcher.resolving import NameNotFound
from webhook_dispatcher.sender import Sender
from webhook_dispatcher.settings import Settings
from webhook_dispatcher.transport import GuardedTransport

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Names:
    """A lookup whose answers are written down; the last one of a name stays."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Sequence[str]]] = {}
        self.asked: list[str] = []

    def say(self, host: str, *answers: Sequence[str]) -> None:
        self.answers[host] = list(answers)

    async def addresses(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        answers = self.answers.get(host)
        if not answers:
            raise NameNotFound
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def close(self) -> None:
        """There is nothing to close."""


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> Callable[..., ssl.SSLContext]:
    """A server's side of TLS, for a name, by the trusted authority or another."""

    def make(
        name: str,
        *,
        issuer: trustme.CA | None = None,
        expires: datetime | None = None,
    ) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued = (issuer or authority).issue_cert(
            name,
            not_before=datetime(2020, 1, 1, tzinfo=UTC) if expires else None,
            not_after=expires,
        )
        issued.configure_cert(context)
        return context

    return make


@pytest.fixture(scope="session")
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest_asyncio.fixture
async def new_transport(
    names: Names, client_tls: ssl.SSLContext
) -> AsyncIterator[Callable[..., GuardedTransport]]:
    """Transports that reach 127.0.0.1 alone, unless told otherwise."""
    made: list[GuardedTransport] = []

    def make(
        allowed: Sequence[str] = ("127.0.0.1/32",),
        *,
        plain_http: bool = True,
        idle_s: float = 4.0,
        most_connections: int = 2000,
    ) -> GuardedTransport:
        rules = AddressRules(networks(allowed), plain_http=plain_http)
        transport = GuardedTransport(
            rules,
            names,
            client_tls,
            idle_s=idle_s,
            most_connections=most_connections,
        )
        made.append(transport)
        return transport

    yield make
    for transport in made:
        await transport.aclose()


@pytest.fixture
def new_sender(
    new_transport: Callable[..., GuardedTransport],
) -> Callable[..., Sender]:
    def make(*args: object, **kwargs: object) -> Sender:
        return Sender(new_transport(*args, **kwargs), utc_now, monotonic)

    return make


@pytest_asyncio.fixture
async def sender(new_sender: Callable[..., Sender]) -> Sender:
    return new_sender()


Document = dict[str, Any]
KEYS = "k1:" + b64encode(b"k" * 32).decode()


class World:
    """A dispatcher's surroundings, and query's part in them."""

    def __init__(self, settings: Settings, database: Any, producer: Any) -> None:
        self.settings = settings
        self.database = database
        self.producer = producer
        self._box = Box(keys_from(KEYS))
        self._events = 0
        self._commands = 0

    @asynccontextmanager
    async def dispatcher(
        self, tracer: Tracer | None = None, **changes: Any
    ) -> AsyncGenerator[WebhookDispatcher]:
        settings = self.settings.model_copy(update=changes)
        service = WebhookDispatcher(settings, tracer)
        async with service.app.start_lifespan_context():
            yield service

    async def endpoint(self, name: str, url: str, **more: Any) -> None:
        key = f"demo/{name}"
        secret = {"secret": self._box.seal(SECRET, key), "added_at": datetime.now(UTC)}
        document = {
            "project_id": "demo",
            "id": name,
            "url": url,
            "event_types": ["*"],
            "active": True,
            "secrets": [secret],
            "headers": [],
            "retry_schedule_s": [0.2, 0.2],
            "max_in_flight": 10,
            "timeout_ms": 2_000,
            **more,
        }
        endpoints = self.database["webhook_endpoints"]
        await endpoints.replace_one({"_id": key}, document, upsert=True)
        version = {"$inc": {"version": 1}}
        await endpoints.update_one({"_id": VERSION_ID}, version, upsert=True)

    async def publish(
        self, count: int = 1, payload: str = "{}", **attributes: Any
    ) -> None:
        for _ in range(count):
            self._events += 1
            value = webhook_event(
                payload, id=f"e-{self._events}", time=..., **attributes
            )
            await self.producer.send_and_wait(self.settings.webhooks_topic, value)

    async def pile_up(self, endpoint_id: str, count: int) -> None:
        """So many sendouts that have been due to an endpoint for an hour."""
        sendouts = self.database["sendouts"]
        made = await sendouts.find_one()
        assert made is not None
        for name in ("settled_at", "executed_at", "target_url"):
            made.pop(name, None)
        due = datetime.now(UTC) - timedelta(hours=1)
        waits: Document = {
            "endpoint_id": endpoint_id,
            "status": "SCHEDULED",
            "waiting": True,
            "next_attempt_at": due,
            "history": [],
        }
        for start in range(0, count, 5_000):
            some = range(start, min(start + 5_000, count))
            ids = [f"pile-{number}" for number in some]
            await sendouts.insert_many(
                [made | waits | {"_id": f"demo/{one}", "id": one} for one in ids],
                ordered=False,
            )

    async def command(
        self, kind: str, traceparent: str | None = None, **parameters: Any
    ) -> Document:
        """What query stores; returns it once it has ended."""
        self._commands += 1
        identity = f"cmd_{self._commands}"
        commands = self.database["commands"]
        await commands.insert_one(
            {
                "_id": f"demo/{identity}",
                "project_id": "demo",
                "id": identity,
                "kind": kind,
                "service": "webhook-dispatcher",
                "parameters": parameters,
                "status": "ACCEPTED",
                "claim": 0,
                "created_at": datetime.now(UTC),
                "traceparent": traceparent,
            }
        )
        found: Document = {}

        async def ended() -> bool:
            found.update(await commands.find_one({"_id": f"demo/{identity}"}) or {})
            return found["status"] != "ACCEPTED"

        await eventually(ended, within=20)
        return found

    async def become(self, **counts: int) -> None:
        """Wait until there are so many sendouts of each status, and no others."""

        async def so() -> bool:
            return await self.statuses() == counts

        try:
            await eventually(so, within=20)
        except AssertionError as error:
            raise AssertionError(f"{await self.statuses()}, not {counts}") from error

    async def statuses(self) -> dict[str, int]:
        found: dict[str, int] = {}
        async for one in self.database["sendouts"].find({}, {"status": 1}):
            found[one["status"]] = found.get(one["status"], 0) + 1
        return found

    async def sendout(self, **conditions: Any) -> Document:
        found = await self.database["sendouts"].find_one(conditions)
        assert found is not None
        return found


@pytest_asyncio.fixture
async def world(
    kafka_bootstrap: str,
    mongodb_uri: str,
    mongo_client: AsyncMongoClient[Document],
    database_name: str,
    make_topic: Callable[..., Awaitable[str]],
    random_name: Callable[[str], str],
) -> AsyncIterator[World]:
    await ensure_topics(kafka_bootstrap)  # its own notices go to the usual ones
    settings = Settings(
        kafka_bootstrap_servers=kafka_bootstrap,
        mongodb_uri=mongodb_uri,
        mongodb_database=database_name,
        group_id=random_name("dispatcher"),
        webhooks_topic=await make_topic("webhooks", partitions=1),
        webhook_allowed_networks="127.0.0.0/8",
        webhook_plain_http=True,
        sealing_keys=KEYS,  # pyright: ignore[reportArgumentType] - it is read as text
    )
    producer: Any = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap)
    async with producer:
        yield World(settings, durable(mongo_client[database_name]), producer)


@pytest_asyncio.fixture
async def receivers() -> AsyncIterator[Callable[..., Awaitable[Receiver]]]:
    async with AsyncExitStack() as stack:

        async def make(answer: Any = None) -> Receiver:
            receiver = Receiver() if answer is None else Receiver(answer)
            return await stack.enter_async_context(receiver)

        yield make
