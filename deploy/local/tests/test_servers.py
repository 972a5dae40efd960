"""Kafka and MongoDB as processes: their data outlives restarts, crashes and ports."""

import dataclasses
import os
from pathlib import Path
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from daybook.events.topics import DEAD_LETTERS, TOPICS
from daybook.runtime.kafka_topics import ensure_topics
from daybook.testing import ServerHandle
from daybook_local.errors import StackError
from daybook_local.mongo import Mongo, find_mongod
from daybook_local.ports import Ports
from daybook_local.server import Server
from daybook_local.servers import make_kafka
from pymongo import MongoClient
from pymongo.errors import ServerSelectionTimeoutError

Client = MongoClient[dict[str, Any]]
PARTITION = TopicPartition(DEAD_LETTERS, 0)


def insert(uri: str, identity: int) -> None:
    with cast(Client, MongoClient(uri)) as client:
        client["test"]["things"].insert_one({"_id": identity})


def stored(uri: str) -> list[int]:
    with cast(Client, MongoClient(uri)) as client:
        return [each["_id"] for each in client["test"]["things"].find().sort("_id", 1)]


async def produce(bootstrap: str, value: bytes) -> None:
    producer: Any = AIOKafkaProducer(
        bootstrap_servers=bootstrap, max_request_size=8 * 1024 * 1024
    )
    async with producer:
        await producer.send_and_wait(DEAD_LETTERS, value)


async def read_as_group(bootstrap: str, count: int) -> list[bytes]:
    """The next records after the group's committed offset; commits them."""
    consumer: Any = AIOKafkaConsumer(
        DEAD_LETTERS,
        bootstrap_servers=bootstrap,
        group_id="test",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    async with consumer:
        records = [await consumer.getone() for _ in range(count)]
        await consumer.commit()
    return [record.value for record in records]


async def test_mongodb_keeps_its_data_over_a_restart_and_over_a_crash(
    mongodb_server: ServerHandle,
) -> None:
    insert(mongodb_server.address, 1)

    await mongodb_server.restart()
    insert(mongodb_server.address, 2)
    await mongodb_server.kill()
    await mongodb_server.start()

    assert stored(mongodb_server.address) == [1, 2]


async def test_mongodb_comes_back_as_primary_on_another_port(tmp_path: Path) -> None:
    ports = Ports()
    first = Mongo(tmp_path / "data", ports.take(), find_mongod(os.environ))
    before = Server(first, log=tmp_path / "log")
    await before.start()
    insert(before.address, 1)
    await before.kill()

    moved = Server(dataclasses.replace(first, port=ports.take()), log=tmp_path / "log")
    await moved.start()

    try:
        insert(moved.address, 2)
        assert moved.address != before.address
        assert stored(moved.address) == [1, 2]
    finally:
        await moved.stop()


async def test_kafka_keeps_topics_records_and_offsets_over_restart_and_crash(
    kafka_server: ServerHandle,
) -> None:
    await ensure_topics(kafka_server.address)
    for value in (b"1", b"2", b"3"):
        await produce(kafka_server.address, value)
    assert await read_as_group(kafka_server.address, 1) == [b"1"]

    await kafka_server.restart()
    assert await read_as_group(kafka_server.address, 1) == [b"2"]
    await kafka_server.kill()
    await kafka_server.start()

    assert await read_as_group(kafka_server.address, 1) == [b"3"]
    assert await ensure_topics(kafka_server.address) == []


async def test_kafka_comes_back_with_its_records_on_other_ports(tmp_path: Path) -> None:
    ports = Ports()
    first = make_kafka(
        tmp_path / "data",
        port=ports.take(),
        controller_port=ports.take(),
        environment=os.environ,
    )
    before = Server(first, log=tmp_path / "log")
    await before.start()
    await ensure_topics(before.address)
    await produce(before.address, b"1")
    await before.kill()

    elsewhere = dataclasses.replace(
        first, port=ports.take(), controller_port=ports.take()
    )
    moved = Server(elsewhere, log=tmp_path / "log")
    await moved.start()

    try:
        await produce(moved.address, b"2")
        assert await read_as_group(moved.address, 2) == [b"1", b"2"]
    finally:
        await moved.stop()


async def test_a_record_at_the_largest_topics_limit_passes(
    kafka_bootstrap: str,
) -> None:
    await ensure_topics(kafka_bootstrap)

    limit = TOPICS[DEAD_LETTERS].max_message_bytes
    await produce(kafka_bootstrap, b"x" * (limit - 200))


async def test_a_frozen_database_answers_again_once_it_is_thawed(
    mongodb_server: ServerHandle,
) -> None:
    insert(mongodb_server.address, 1)
    soon = "serverSelectionTimeoutMS=500&socketTimeoutMS=500&connectTimeoutMS=500"

    mongodb_server.freeze()
    try:
        with pytest.raises(ServerSelectionTimeoutError):
            insert(f"{mongodb_server.address}&{soon}", 2)
    finally:
        mongodb_server.thaw()

    assert stored(mongodb_server.address)[0] == 1


async def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    mongo = Mongo(
        tmp_path / "data",
        Ports().take(),
        find_mongod(os.environ),
        parameters={"noSuchParameter": 1},
    )

    with pytest.raises(StackError, match="noSuchParameter"):
        await Server(mongo, log=tmp_path / "log").start()


async def test_a_format_that_was_cut_short_is_begun_again(tmp_path: Path) -> None:
    ports = Ports()
    kafka = make_kafka(
        tmp_path / "data",
        port=ports.take(),
        controller_port=ports.take(),
        environment=os.environ,
    )
    for half_done in ("data.new", "data"):
        (tmp_path / "data" / half_done).mkdir(parents=True)

    kafka.prepare()

    assert (tmp_path / "data" / "data" / "meta.properties").exists()
    assert not (tmp_path / "data" / "data.new").exists()
