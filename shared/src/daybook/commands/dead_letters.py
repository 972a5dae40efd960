"""``daybook dead-letters``: look at what nobody could use, and send it again."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

import click
from aiokafka.errors import KafkaConnectionError, KafkaError
from pydantic import ValidationError

from daybook.commands import showing
from daybook.commands.letter import Letter, Place
from daybook.commands.letters import LetterTopic, Spans, open_letters
from daybook.commands.parameters import PlaceType, SinceType
from daybook.commands.replay import Outcome, Plan, Selection, plan, replay
from daybook.commands.settings import DeadLetterSettings
from daybook.commands.trouble import BrokerAway, Trouble

Result = TypeVar("Result")

KIND = click.option("--kind", help="Only letters of this kind, for example not_json.")
TOPIC = click.option("--topic", help="Only letters that came from this topic.")
SINCE = click.option(
    "--since",
    type=SinceType(),
    metavar="TIME",
    help="Only letters written since: 15m, 2h, 7d, or an RFC 3339 time.",
)


def _settings() -> DeadLetterSettings:
    try:
        return DeadLetterSettings()
    except ValidationError as error:
        wrong = "; ".join(item["msg"] for item in error.errors(include_input=False))
        raise click.UsageError(f"cannot read the settings: {wrong}") from error


def _run(
    settings: DeadLetterSettings, work: Callable[[LetterTopic], Awaitable[Result]]
) -> Result:
    async def connected() -> Result:
        topic = settings.dead_letters_topic
        async with open_letters(settings.brokers, topic) as letters:
            return await work(letters)

    with _quiet_library() as said:
        try:
            return asyncio.run(connected())
        except (BrokerAway, KafkaConnectionError) as error:
            away = BrokerAway(said[-1] if said else None)
            raise click.ClickException(str(away)) from error
        except Trouble as error:
            raise click.ClickException(str(error)) from error
        except KafkaError as error:
            raise click.ClickException(f"Kafka refuses: {error}") from error


@contextmanager
def _quiet_library() -> Generator[list[str]]:
    """What aiokafka has to say, the command says in its own words.

    Why a broker lets nobody in is kept: no error that is raised has it.
    """
    library = logging.getLogger("aiokafka")
    kept = _Kept(logging.WARNING)
    before = library.handlers, library.propagate
    library.handlers, library.propagate = [kept], False
    try:
        yield kept.said
    finally:
        library.handlers, library.propagate = before


class _Kept(logging.Handler):
    """Of all that aiokafka logs, what its connecting says."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "aiokafka":
            self.said.append(record.getMessage())


@click.group("dead-letters")
def dead_letters() -> None:
    """List, show and replay the records that nobody could use.

    KAFKA_BOOTSTRAP_SERVERS names the brokers, DAYBOOK_DEAD_LETTERS_TOPIC the topic.
    """


def _wanted(kind: str | None, topic: str | None) -> Callable[[Letter], bool]:
    return lambda letter: kind in (None, letter.kind) and topic in (None, letter.topic)


@dead_letters.command("list")
@KIND
@TOPIC
@SINCE
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, help="The newest so many."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_letters(
    kind: str | None,
    topic: str | None,
    since: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """Print a row a letter, the newest last: 50 unless --limit says otherwise.

    PLACE is what `show` and `replay` take, SOURCE is TOPIC/PARTITION:OFFSET that the
    record came from. Reads up to the topic's end as of now.
    """
    wanted = _wanted(kind, topic)

    async def work(letters: LetterTopic) -> tuple[list[Letter], int]:
        spans = await letters.spans(since=since)
        held = sum(span.end - span.begin for span in spans.values())
        if kind is None and topic is None:
            # Nothing is left out, so the newest are at the ends.
            spans = await letters.spans(since=since, newest=limit)
            return await _newest(letters, spans, wanted, limit), held
        counted = 0

        def counts(letter: Letter) -> bool:
            nonlocal counted
            counted += wanted(letter)
            return wanted(letter)

        return await _newest(letters, spans, counts, limit), counted

    found, matching = _run(_settings(), work)
    if as_json:
        for letter in found:
            click.echo(showing.as_json(letter))
    elif found:
        for line in showing.table(found):
            click.echo(line)
    else:
        click.echo("no such dead letters" if kind or topic or since else "none")
    if len(found) < matching:
        click.echo(
            f"the newest {len(found)} of {matching}; --limit shows more", err=True
        )


async def _newest(
    letters: LetterTopic, spans: Spans, wanted: Callable[[Letter], bool], limit: int
) -> list[Letter]:
    """The newest letters by time; each partition is in that order already."""
    kept: dict[int, deque[Letter]] = {}
    async for letter in letters.read(spans):
        if wanted(letter):
            partition = kept.setdefault(letter.place.partition, deque(maxlen=limit))
            partition.append(letter.without_value())
    merged = [letter for partition in kept.values() for letter in partition]
    return sorted(merged, key=lambda letter: (letter.time, letter.place))[-limit:]


@dead_letters.command("show")
@click.argument("place", type=PlaceType())
@click.option("--value-only", is_flag=True, help="Write the value's bytes, no more.")
def show_letter(place: Place, value_only: bool) -> None:
    """Print the letter at PLACE: its headers, its key and its value.

    Text is printed as it is; other bytes as hex or base64, which is then said.
    """
    letter = _run(_settings(), lambda letters: letters.at(place))
    if value_only:
        if letter.withheld is not None:
            raise click.ClickException(f"the value is withheld: {letter.withheld}")
        click.echo(letter.value, nl=False)
        return
    for line in showing.whole(letter):
        click.echo(line)


@dead_letters.command("replay")
@click.argument("places", nargs=-1, type=PlaceType(), metavar="[PLACE]...")
@KIND
@TOPIC
@SINCE
@click.option("--all", "everything", is_flag=True, help="Every letter.")
@click.option("--dry-run", is_flag=True, help="Count, and send nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def replay_letters(
    places: tuple[Place, ...],
    kind: str | None,
    topic: str | None,
    since: datetime | None,
    everything: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Send records again to the topics that they came from, byte for byte.

    Name letters by PLACE, or choose with --kind, --topic or --all. Replaying twice is
    safe: an event is stored once, by its id. The letters stay where they are; a record
    that still cannot be stored comes back as a new letter.
    """
    _check_choice(places, kind or topic or everything, since)
    settings, wanted = _settings(), _wanted(kind, topic)

    async def count(letters: LetterTopic) -> tuple[Plan, Spans]:
        spans = {} if places else await letters.spans(since=since)
        selection = Selection(letters, places, spans, wanted)
        return await plan(selection, letters.partitions), spans

    planned, spans = _run(settings, count)
    _tell(planned)
    if dry_run or not planned.records:
        return
    if not yes:
        click.confirm(_QUESTION, abort=True)

    async def send(letters: LetterTopic) -> Outcome:
        selection = Selection(letters, places, spans, wanted)
        return await replay(selection, settings.brokers, letters.partitions)

    outcome = _run(settings, send)
    click.echo(f"{_records(outcome.sent)} sent")
    for place, why in outcome.refused:
        click.echo(f"{place} could not be sent: {why}", err=True)
    if outcome.refused:
        raise click.ClickException(f"{_records(len(outcome.refused))} not sent")


_QUESTION = "Send them? Replaying twice is safe: an event is stored once, by its id"


def _check_choice(
    places: tuple[Place, ...], chosen: object, since: datetime | None
) -> None:
    if places and (chosen or since):
        raise click.UsageError("give places or choose by options, not both")
    if not places and not chosen:
        raise click.UsageError("say which: PLACE..., --kind, --topic or --all")


def _tell(planned: Plan) -> None:
    for place, why in planned.skipped:
        click.echo(f"{place} is skipped: {showing.one_line(why)}", err=True)
    topics = ", ".join(f"{topic} ({n})" for topic, n in sorted(planned.topics.items()))
    if planned.records:
        many, large = _records(planned.records), showing.size(planned.bytes)
        click.echo(f"{many} to send, {large}, to {showing.one_line(topics)}")
    else:
        click.echo("nothing to send")


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count} records"
