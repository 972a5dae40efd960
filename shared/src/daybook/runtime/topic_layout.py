"""Daybook's topics as this version wants them, beside those that are there."""

# aiokafka's own types are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import UnknownTopicOrPartitionError, for_code

from daybook.events.topics import Topic
from daybook.runtime.kafka import Brokers
from daybook.runtime.kafka_topics import ensure_topics, wanted_settings
from daybook.storage.indexes import Difference

# In an answer, where a setting's value comes from: the topic itself.
_OF_THE_TOPIC = 1
# An operator may have raised it; a record that fits there must not be refused.
_AT_LEAST = "max.message.bytes"


async def topic_differences(
    brokers: Brokers | str, wanted: Iterable[Topic]
) -> list[Difference]:
    """What is missing or other than wanted; more partitions than wanted are fine.

    Replicas are not looked at: moving them is the work of Kafka's own tools. Raises
    aiokafka's ``KafkaError`` when the brokers are away.
    """
    brokers = Brokers.of(brokers)
    admin = AIOKafkaAdminClient(**brokers.options())
    found: list[Difference] = []
    try:
        await admin.start()
        topics = list(wanted)
        described = await admin.describe_topics([topic.name for topic in topics])
        there = {one["topic"]: one for one in described if _exists(one)}
        for topic in topics:
            if topic.name not in there:
                found.append(_missing(brokers, topic))
                continue
            partitions = there[topic.name]["partitions"]
            if len(partitions) < topic.partitions:
                found.append(_partitions(brokers, topic, len(partitions)))
            replicas = min(len(one["replicas"]) for one in partitions)
            found += await _settings(brokers, admin, topic, replicas)
    finally:
        await admin.close()
    return found


def _exists(described: Mapping[str, Any]) -> bool:
    error = for_code(described["error_code"])
    if described["error_code"] and error is not UnknownTopicOrPartitionError:
        raise error(described["topic"])
    return not described["error_code"]


def _missing(brokers: Brokers, topic: Topic) -> Difference:
    async def make() -> None:
        await ensure_topics(brokers, [topic])

    return Difference(f"the topic {topic.name} is missing", make)


def _partitions(brokers: Brokers, topic: Topic, there: int) -> Difference:
    async def grow(admin: AIOKafkaAdminClient) -> None:
        answer: Any = await admin.create_partitions(
            {topic.name: NewPartitions(topic.partitions)}
        )
        _raise_for([(code, words) for _, code, words in answer.topic_errors])

    what = f"the topic {topic.name} has {there} partitions and not {topic.partitions}"
    return Difference(what, _with_admin(brokers, grow))


async def _settings(
    brokers: Brokers, admin: AIOKafkaAdminClient, topic: Topic, replicas: int
) -> list[Difference]:
    entries = await _configured(admin, topic.name)
    wanted = wanted_settings(topic, replicas)
    wrong = {
        name: entries[name][0]
        for name, value in wanted.items()
        if not _is_fine(name, entries[name][0], value)
    }
    if not wrong:
        return []

    async def apply(admin: AIOKafkaAdminClient) -> None:
        # The request replaces all that the topic has of its own: keep the rest.
        now = await _configured(admin, topic.name)
        own = {name: value for name, (value, own) in now.items() if own}
        own |= {name: str(wanted[name]) for name in wrong}
        resource = ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=own)
        answers: list[Any] = await admin.alter_configs([resource])
        for answer in answers:
            _raise_for([(code, words) for code, words, *_ in answer.resources])

    told = ", ".join(
        f"{name}={is_there} and not {wanted[name]}" for name, is_there in wrong.items()
    )
    mend = _with_admin(brokers, apply)
    return [Difference(f"the topic {topic.name} has {told}", mend)]


def _is_fine(name: str, there: str, wanted: str | int) -> bool:
    if name == _AT_LEAST:
        return int(there) >= int(wanted)
    return there == str(wanted)


async def _configured(
    admin: AIOKafkaAdminClient, topic: str
) -> dict[str, tuple[str, bool]]:
    """Each setting's value, and whether it is the topic's own."""
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    answers: list[Any] = await admin.describe_configs([resource])
    (answer,) = answers
    code, words, _, _, entries = answer.resources[0]
    _raise_for([(code, words)])
    return {
        name: (value, source == _OF_THE_TOPIC) for name, value, _, source, *_ in entries
    }


def _with_admin(
    brokers: Brokers, work: Callable[[AIOKafkaAdminClient], Awaitable[None]]
) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        admin = AIOKafkaAdminClient(**brokers.options())
        try:
            await admin.start()
            await work(admin)
        finally:
            await admin.close()

    return run


def _raise_for(answers: Iterable[tuple[int, str | None]]) -> None:
    for code, words in answers:
        if code:
            raise for_code(code)(words or "")
