"""``daybook admin init``: topics, collections, indexes and shard keys, as wanted."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

import click
from aiokafka.errors import KafkaError
from daybook.events.topics import TOPICS, Topic
from daybook.runtime.mongo import Document, durable
from daybook.runtime.topic_layout import topic_differences
from daybook.storage.indexes import Difference
from daybook.storage.layout import database_differences, layout
from daybook.storage.tiers import InvalidTiers, parse_tiers
from pymongo.asynchronous.database import AsyncDatabase

from query.commands_common import read_settings, run_with_database, tiers_of


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if it would.")
@click.option(
    "--topics/--no-topics",
    default=True,
    help="Leave out the topics, where something else makes them.",
)
@click.option(
    "--partitions",
    multiple=True,
    metavar="TOPIC=N",
    help="Partitions of a topic, where more than usual are wanted; repeatable.",
)
@click.option(
    "--retention",
    multiple=True,
    metavar="TOPIC=DURATION",
    help="How long a topic keeps records (s, m, h, d); repeatable.",
)
def init(
    check: bool, topics: bool, partitions: tuple[str, ...], retention: tuple[str, ...]
) -> None:
    """Make topics, collections and indexes, and mend what is not as it should be.

    Safe to repeat, and while everything runs. Nothing stored is lost. An index with
    other keys or options is dropped and made anew, which takes reads that need it
    their speed until it is built: `--check` tells of each beforehand.
    """
    settings = read_settings()
    wanted = layout(tiers_of(settings))
    topics_wanted = _topics(_numbers(partitions), _durations(retention))

    async def work(database: AsyncDatabase[Document]) -> bool:
        # The topics first: services wait for them.
        found: list[Difference] = []
        if topics:
            found += await topic_differences(settings.brokers, topics_wanted)
        found += await database_differences(durable(database), wanted)
        for one in found:
            if not check:
                await one.mend()
            click.echo(one.what if check else f"mended: {one.what}")
        return bool(found)

    try:
        differs = run_with_database(settings, work)
    except KafkaError as error:
        raise click.ClickException(
            "Kafka does not do it. Check that it runs, that KAFKA_BOOTSTRAP_SERVERS "
            f"names it, and what it allows. It said: {error!r}"
        ) from error
    if check and differs:
        raise SystemExit(1)


def _topics(
    partitions: Mapping[str, int], retention: Mapping[str, timedelta]
) -> list[Topic]:
    return [
        replace(
            topic,
            partitions=partitions.get(topic.name, topic.partitions),
            retention=retention.get(topic.name, topic.retention),
        )
        for topic in TOPICS.values()
    ]


def _numbers(given: Iterable[str]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for topic, text in _by_topic(given, "--partitions"):
        if not text.isdecimal() or int(text) < 1:
            raise click.BadParameter(
                f"{text!r} is no number of partitions", param_hint="--partitions"
            )
        numbers[topic] = int(text)
    return numbers


def _durations(given: Iterable[str]) -> dict[str, timedelta]:
    durations: dict[str, timedelta] = {}
    for topic, text in _by_topic(given, "--retention"):
        try:
            durations[topic] = parse_tiers(f"kept={text}")["kept"]
        except InvalidTiers as error:
            raise click.BadParameter(
                f"{text!r} is no duration: write 7d, 12h, 30m or 90s",
                param_hint="--retention",
            ) from error
    return durations


def _by_topic(given: Iterable[str], option: str) -> Iterable[tuple[str, str]]:
    for item in given:
        topic, _, text = item.partition("=")
        if topic not in TOPICS:
            raise click.BadParameter(
                f"no topic {topic!r}; there are {', '.join(TOPICS)}", param_hint=option
            )
        yield topic, text
