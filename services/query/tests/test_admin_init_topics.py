"""`daybook admin init` against a broker of the test's own."""

import asyncio
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from click.testing import CliRunner, Result
from daybook.events.topics import DEAD_LETTERS, REQUESTS, TASKS, TOPICS
from daybook.testing.servers import ServerHandle
from query.commands import admin


def init(*arguments: str) -> Result:
    return CliRunner().invoke(admin, ["init", *arguments])


def test_topics_are_made_and_mended_without_touching_what_is_the_operators(
    monkeypatch: pytest.MonkeyPatch,
    kafka_server: ServerHandle,
    mongodb_uri: str,
    database_name: str,
) -> None:
    bootstrap = kafka_server.address
    monkeypatch.setenv("MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("DAYBOOK_MONGODB_DATABASE", database_name)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", bootstrap)
    asyncio.run(make_older_topics(bootstrap))

    told = init("--check")
    mended = init()
    checked = init("--check")

    assert told.exit_code == 1
    assert f"the topic {REQUESTS} has 2 partitions and not 6" in told.output
    assert f"the topic {TASKS} has message.timestamp.type=CreateTime" in told.output
    assert "retention.ms=3600000 and not 604800000" in told.output
    assert f"the topic {DEAD_LETTERS} is missing" in told.output
    assert mended.exit_code == 0, mended.output
    assert (checked.exit_code, checked.output) == (0, "")
    more = init("--partitions", f"{REQUESTS}=8", "--retention", f"{REQUESTS}=2d")
    assert more.exit_code == 0, more.output
    partitions, settings = asyncio.run(describe(bootstrap))
    assert partitions == {
        **{name: topic.partitions for name, topic in TOPICS.items()},
        REQUESTS: 8,
        TASKS: 9,  # more than wanted is its operator's affair
    }
    assert settings[REQUESTS]["retention.ms"] == str(2 * 86_400_000)
    # What nobody asked for stays, and so does what is larger than needed.
    assert settings[TASKS]["segment.bytes"] == "33554432"
    assert settings[TASKS]["max.message.bytes"] == "8388608"
    # What was named once is named each time: else it is as usual again.
    assert init("--check", "--retention", f"{REQUESTS}=2d").output == ""
    usual = "retention.ms=172800000 and not 604800000"
    assert init().output == f"mended: the topic {REQUESTS} has {usual}\n"


async def make_older_topics(bootstrap: str) -> None:
    own = {
        "message.timestamp.type": "CreateTime",
        "retention.ms": "3600000",
        "segment.bytes": "33554432",
        "max.message.bytes": "8388608",
    }
    admin_client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin_client.start()
        await admin_client.create_topics(
            [NewTopic(REQUESTS, 2, 1), NewTopic(TASKS, 9, 1, topic_configs=own)]
        )
    finally:
        await admin_client.close()


async def describe(bootstrap: str) -> tuple[dict[str, int], dict[str, Any]]:
    client: Any = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await client.start()
        described = await client.describe_topics(list(TOPICS))
        wanted = [ConfigResource(ConfigResourceType.TOPIC, name) for name in TOPICS]
        answers = await client.describe_configs(wanted)
    finally:
        await client.close()
    settings = {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for answer in answers
        for resource in answer.resources
    }
    partitions = {one["topic"]: len(one["partitions"]) for one in described}
    return partitions, settings


@pytest.mark.parametrize(
    "arguments",
    [
        ("--partitions", "daybook.other=6"),
        ("--partitions", f"{REQUESTS}=some"),
        ("--retention", f"{REQUESTS}=long"),
    ],
)
def test_a_wrong_argument_is_refused_as_usage(arguments: tuple[str, ...]) -> None:
    assert init(*arguments).exit_code == 2
