"""Daybook's topics, made where they are missing."""

import logging
from collections.abc import Iterable
from typing import Any, cast

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from daybook.events.topics import TOPICS, Topic
from daybook.runtime.kafka import Brokers

# More replicas than brokers cannot be made; beyond three nobody gains.
MOST_REPLICAS = 3

log = logging.getLogger(__name__)


async def ensure_topics(
    brokers: Brokers | str, topics: Iterable[Topic] | None = None
) -> list[str]:
    """Make every topic that does not exist, and return the names of those made.

    Safe to run at any time and by several processes at once. A topic that exists is
    left as it is: its partitions and settings are its operator's. Raises aiokafka's
    ``KafkaError`` when the brokers are away or refuse.
    """
    wanted = list(TOPICS.values() if topics is None else topics)
    admin = AIOKafkaAdminClient(**Brokers.of(brokers).options())
    try:
        await admin.start()
        existing = set(await admin.list_topics())
        missing = [topic for topic in wanted if topic.name not in existing]
        if not missing:
            return []
        cluster = cast("dict[str, list[Any]]", await admin.describe_cluster())
        replicas = min(MOST_REPLICAS, max(1, len(cluster["brokers"])))
        answer = await admin.create_topics([_new(topic, replicas) for topic in missing])
    finally:
        await admin.close()
    made = [name for name in _created(answer) if name not in existing]
    if made:
        log.info("made the topics %s", ", ".join(made))
    return made


async def absent_topics(brokers: Brokers | str, names: Iterable[str]) -> dict[str, str]:
    """Of these topics those that cannot be read, each with why.

    Raises aiokafka's ``KafkaError`` when the brokers are away.
    """
    admin = AIOKafkaAdminClient(**Brokers.of(brokers).options())
    try:
        await admin.start()
        described = await admin.describe_topics(list(names))
    finally:
        await admin.close()
    return {
        topic["topic"]: for_code(topic["error_code"]).__name__
        for topic in described
        if topic["error_code"]
    }


def wanted_settings(topic: Topic, replicas: int) -> dict[str, str | int]:
    """The topic's settings on a cluster that keeps so many replicas."""
    # With three, one may be away and what is acknowledged is still on two.
    least = 2 if replicas >= MOST_REPLICAS else 1
    return {**topic.settings(), "min.insync.replicas": least}


def _new(topic: Topic, replicas: int) -> NewTopic:
    return NewTopic(
        topic.name,
        num_partitions=topic.partitions,
        replication_factor=replicas,
        topic_configs={
            name: str(value) for name, value in wanted_settings(topic, replicas).items()
        },
    )


def _created(answer: Any) -> list[str]:
    """The topics that were made just now; raises for one that could not be."""
    made: list[str] = []
    for name, code, *words in answer.topic_errors:
        error = for_code(code)
        if code == 0:
            made.append(name)
        elif error is not TopicAlreadyExistsError:  # else another process was first
            raise error(f"{name}: {words[0] if words else ''}")
    return made
