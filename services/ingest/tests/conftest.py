"""An ingest of the test's own, over a real broker and a real database."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from daybook.events.topics import MEBIBYTE
from daybook.runtime.mongo import durable
from daybook.testing.waiting import eventually
from ingest.app import Ingest
from ingest.settings import Settings
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection

Document = dict[str, Any]
Header = tuple[str, bytes | None]


@dataclass
class World:
    """What a test of ingest touches."""

    settings: Settings
    database: Any
    logs: AsyncCollection[Document]
    producer: Any

    async def send(
        self, value: bytes | None, *headers: Header, key: bytes | None = b"k"
    ) -> Any:
        """Append one record; returns where it stands."""
        return await self.producer.send_and_wait(
            self.settings.requests_topic, value=value, key=key, headers=list(headers)
        )

    @asynccontextmanager
    async def ingest(self, **changes: Any) -> AsyncGenerator[Ingest]:
        """Run ingest; stop it in good order at the end."""
        settings = self.settings.model_copy(update=changes)
        service = Ingest(settings)
        async with service.app.start_lifespan_context():
            yield service

    async def stored(self, count: int) -> list[Document]:
        """Wait for this many logs, and return all, in the order of their offsets."""

        async def enough() -> bool:
            return await self.logs.count_documents({}) >= count

        await eventually(enough, within=30)
        return await self.logs.find().sort({"origin.offset": 1}).to_list()

    async def letters(self, count: int) -> list[Any]:
        """Wait for this many dead letters, and return them in their order."""
        consumer: Any = AIOKafkaConsumer(
            bootstrap_servers=self.settings.kafka_bootstrap_servers,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=16 * MEBIBYTE,
        )
        await consumer.start()
        try:
            partition = TopicPartition(self.settings.dead_letters_topic, 0)
            consumer.assign([partition])
            await consumer.seek_to_beginning(partition)
            found: list[Any] = []

            async def enough() -> bool:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found.extend(records)
                return len(found) >= count

            await eventually(enough, within=30)
            return found
        finally:
            await consumer.stop()

    async def committed(self, offset: int) -> None:
        """Wait until the group has committed ``offset`` of partition 0."""
        consumer: Any = AIOKafkaConsumer(
            bootstrap_servers=self.settings.kafka_bootstrap_servers,
            group_id=self.settings.group_id,
            enable_auto_commit=False,
        )
        await consumer.start()
        try:
            partition = TopicPartition(self.settings.requests_topic, 0)

            async def there() -> bool:
                return await consumer.committed(partition) == offset

            await eventually(there, within=30)
        finally:
            await consumer.stop()


MakeTopic = Callable[..., Awaitable[str]]


@pytest_asyncio.fixture
async def world(
    kafka_bootstrap: str,
    mongodb_uri: str,
    mongo_client: AsyncMongoClient[Document],
    database_name: str,
    make_topic: MakeTopic,
    random_name: Callable[[str], str],
) -> AsyncIterator[World]:
    settings = Settings(
        kafka_bootstrap_servers=kafka_bootstrap,
        mongodb_uri=mongodb_uri,
        mongodb_database=database_name,
        group_id=random_name("ingest"),
        requests_topic=await make_topic("requests", partitions=1),
        tasks_topic=await make_topic("tasks", partitions=1),
        webhooks_topic=await make_topic("webhooks", partitions=1),
        dead_letters_topic=await make_topic(
            "letters", partitions=1, max_message_bytes=6 * MEBIBYTE
        ),
    )
    producer: Any = AIOKafkaProducer(
        bootstrap_servers=kafka_bootstrap,
        compression_type="zstd",
        max_request_size=64 * MEBIBYTE,
    )
    await producer.start()
    database = durable(mongo_client[database_name])
    yield World(settings, database, database["logs"], producer)
    await producer.stop()
