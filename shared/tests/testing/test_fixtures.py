from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError
from daybook.events.topics import TOPICS, Topic
from daybook.runtime.kafka_topics import ensure_topics
from daybook.testing import eventually
from pymongo import AsyncMongoClient

MakeTopic = Callable[..., Awaitable[str]]
LOG_APPEND_TIME = 1


async def test_what_is_produced_on_a_fresh_topic_is_read_by_a_fresh_group(
    kafka_bootstrap: str, unique_topic: str, random_name: Callable[[str], str]
) -> None:
    producer: Any = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap)
    async with producer:
        await producer.send_and_wait(unique_topic, b"value", timestamp_ms=1)
    consumer: Any = AIOKafkaConsumer(
        unique_topic,
        bootstrap_servers=kafka_bootstrap,
        group_id=random_name("group"),
        auto_offset_reset="earliest",
    )

    async with consumer:
        record = await consumer.getone()

    assert record.value == b"value"
    assert record.timestamp_type == LOG_APPEND_TIME
    assert record.timestamp > 1


async def test_the_first_group_finds_its_coordinator_at_once(
    kafka_bootstrap: str,
    unique_topic: str,
    random_name: Callable[[str], str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    consumer: Any = AIOKafkaConsumer(
        unique_topic,
        bootstrap_servers=kafka_bootstrap,
        group_id=random_name("group"),
    )

    async with consumer:
        await eventually(consumer.assignment)

    assert "GroupCoordinatorNotAvailable" not in caplog.text


async def test_a_record_of_four_mebibytes_fits_and_a_larger_one_is_refused(
    kafka_bootstrap: str, unique_topic: str
) -> None:
    limit = 4 * 1024 * 1024
    producer: Any = AIOKafkaProducer(
        bootstrap_servers=kafka_bootstrap, max_request_size=2 * limit
    )

    async with producer:
        await producer.send_and_wait(unique_topic, b"x" * (limit - 200))

        with pytest.raises(MessageSizeTooLargeError):
            await producer.send_and_wait(unique_topic, b"x" * (limit + 1))


async def test_topics_are_made_once_however_often_they_are_asked_for(
    kafka_bootstrap: str, random_name: Callable[[str], str]
) -> None:
    topic = Topic(random_name("once"), keyed_by="anything", partitions=2)

    made = await ensure_topics(kafka_bootstrap, [topic])
    made_again = await ensure_topics(kafka_bootstrap, [topic])

    assert (made, made_again) == ([topic.name], [])


async def test_every_topic_of_the_catalog_can_be_made(kafka_bootstrap: str) -> None:
    await ensure_topics(kafka_bootstrap)

    assert await ensure_topics(kafka_bootstrap) == []
    assert TOPICS


async def test_each_test_has_an_empty_database(
    mongo_client: AsyncMongoClient[dict[str, Any]], database_name: str
) -> None:
    things = mongo_client[database_name]["things"]

    assert await things.count_documents({}) == 0
    await things.insert_one({"_id": 1})


async def test_the_database_takes_transactions_as_only_a_replica_set_does(
    mongo_client: AsyncMongoClient[dict[str, Any]], database_name: str
) -> None:
    things = mongo_client[database_name]["things"]

    async with (
        mongo_client.start_session() as session,
        await session.start_transaction(),
    ):
        await things.insert_one({"_id": 1}, session=session)

    assert await things.count_documents({}) == 1
