"""The lag that services show is what Apache Kafka's own tool says."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from daybook.runtime.consuming.lag import Lag
from daybook_local.jars import Jar, cache_dir, read_lock, resolve_jars
from daybook_local.java import find_java

# Beside the jars that the broker runs on, of the same version.
TOOLS = Jar(
    "org.apache.kafka:kafka-tools:4.3.1",
    "62f3c5dd7aa3442d4c5bc6a95f86e2502178ea09de8e27f74d9563bf955e253c",
)
Lags = dict[tuple[str, int], int]


class Shown:
    """What a service would show."""

    def __init__(self) -> None:
        self.lags_of: Lags = {}

    def lag_is_unknown(self, topic: str, partition: int) -> None: ...

    def lags(self, topic: str, partition: int, records: int) -> None:
        self.lags_of[topic, partition] = records


def said_by_kafka(bootstrap: str, group: str) -> Lags:
    """`kafka-consumer-groups --describe`: the partitions that have a commit."""
    jars = resolve_jars(cache_dir(os.environ), jars=[*read_lock(), TOOLS])
    told = subprocess.run(  # noqa: S603 - Apache Kafka's own tool
        [
            str(find_java(os.environ)),
            *("-cp", os.pathsep.join(map(str, jars))),
            "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
            *("--bootstrap-server", bootstrap, "--describe", "--group", group),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.split() for line in told.stdout.splitlines()]
    (head,) = [row for row in rows if row[:1] == ["GROUP"]]
    columns = [head.index(name) for name in ("TOPIC", "PARTITION", "LAG")]
    found: Lags = {}
    for row in rows:
        if row[:1] == [group]:
            topic, partition, lag = (row[column] for column in columns)
            found[topic, int(partition)] = int(lag)
    return found


@pytest.fixture
async def consumer(kafka_bootstrap: str) -> AsyncIterator[Any]:
    made: Any = AIOKafkaConsumer(bootstrap_servers=kafka_bootstrap)
    async with made:
        yield made


async def shown_by_us(
    bootstrap: str, group: str, consumer: Any, topics: list[str]
) -> Lags:
    shown = Shown()
    lag = Lag(bootstrap, group, lambda: consumer, shown)
    await lag.begin(topics)
    await lag.measure()
    await lag.close()
    return shown.lags_of


async def fill(bootstrap: str, topic: str, counts: dict[int, int]) -> None:
    producer: Any = AIOKafkaProducer(bootstrap_servers=bootstrap)
    async with producer:
        for partition, count in counts.items():
            for _ in range(count):
                await producer.send_and_wait(topic, b"x", partition=partition)


async def commit(
    bootstrap: str, group: str, offsets: dict[TopicPartition, int]
) -> None:
    member: Any = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False
    )
    async with member:
        member.assign(list(offsets))
        await member.commit(offsets)


async def test_a_group_lags_by_what_kafka_says_it_lags_by(
    kafka_bootstrap: str,
    make_topic: Callable[..., Awaitable[str]],
    random_name: Callable[[str], str],
    consumer: Any,
) -> None:
    group = random_name("group")
    busy = await make_topic("busy", partitions=3)
    idle = await make_topic("idle", partitions=1)
    await fill(kafka_bootstrap, busy, {0: 10, 1: 5, 2: 3})
    await fill(kafka_bootstrap, idle, {0: 2})
    places = [TopicPartition(busy, 0), TopicPartition(busy, 1), TopicPartition(idle, 0)]
    await commit(kafka_bootstrap, group, dict(zip(places, (4, 5, 1), strict=True)))
    # As retention does it, beyond what is committed.
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    await admin.delete_records({places[0]: RecordsToDelete(6)})
    await admin.close()

    ours = await shown_by_us(kafka_bootstrap, group, consumer, [busy, idle])
    theirs = await asyncio.to_thread(said_by_kafka, kafka_bootstrap, group)

    assert theirs == {(busy, 0): 6, (busy, 1): 0, (idle, 0): 1}
    # Of a partition without a commit Kafka's tool says nothing: all is to be read.
    assert ours == theirs | {(busy, 2): 3}


async def test_a_group_that_never_committed_lags_by_all_that_is_there(
    kafka_bootstrap: str,
    make_topic: Callable[..., Awaitable[str]],
    random_name: Callable[[str], str],
    consumer: Any,
) -> None:
    topic = await make_topic("new", partitions=2)
    await fill(kafka_bootstrap, topic, {0: 3})

    ours = await shown_by_us(kafka_bootstrap, random_name("new"), consumer, [topic])

    assert ours == {(topic, 0): 3, (topic, 1): 0}


async def test_brokers_that_are_away_change_no_figure(
    kafka_bootstrap: str,
    make_topic: Callable[..., Awaitable[str]],
    random_name: Callable[[str], str],
) -> None:
    topic = await make_topic("kept", partitions=1)
    await fill(kafka_bootstrap, topic, {0: 4})
    member: Any = AIOKafkaConsumer(bootstrap_servers=kafka_bootstrap)
    shown = Shown()
    async with member:
        lag = Lag(kafka_bootstrap, random_name("kept"), lambda: member, shown)
        await lag.begin([topic])
        await lag.measure()
        before = dict(shown.lags_of)
        await lag.close()

        away = Lag("127.0.0.1:1", random_name("kept"), lambda: member, shown)
        await away.measure()

    assert before == shown.lags_of == {(topic, 0): 4}
