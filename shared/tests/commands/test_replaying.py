import json
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest
from click.testing import Result
from daybook.events.faults import EmptyRecord, WrongType
from daybook.testing.records import FakeRecord

MakeTopic = Callable[..., Awaitable[str]]
Run = Callable[..., Awaitable[Result]]
PutAside = Callable[..., Awaitable[None]]
MakeRecord = Callable[..., FakeRecord]
Consume = Callable[[str, int], Awaitable[list[Any]]]

SAFE = "Replaying twice is safe: an event is stored once, by its id"


async def test_a_replayed_record_is_what_it_was_byte_for_byte(
    run: Run,
    put_aside: PutAside,
    record: MakeRecord,
    unique_topic: str,
    consume: Consume,
) -> None:
    headers = (
        ("content-type", b"application/cloudevents+json"),
        ("null", None),
        ("empty", b""),
        ("odd", b"\xff\x00"),
        ("twice", b"1"),
        ("twice", b"2"),
        ("zoë", "ë".encode()),
    )
    value = bytes(range(256))
    await put_aside(
        record(value, headers=headers, topic=unique_topic, partition=4, key=b"\xfe"),
        record(b"2", topic=unique_topic, partition=5, key=None),
    )

    result = await run("replay", "0:0", "0:1", "--yes")

    assert result.exit_code == 0, result.output
    assert "2 records sent" in result.stdout
    found = {sent.partition: sent for sent in await consume(unique_topic, 2)}
    assert (found[4].key, found[4].value) == (b"\xfe", value)
    assert tuple(found[4].headers) == headers
    assert (found[5].key, found[5].value, found[5].headers) == (None, b"2", ())


async def test_a_letter_goes_back_without_an_earlier_letters_headers(
    run: Run,
    put_aside: PutAside,
    record: MakeRecord,
    unique_topic: str,
    consume: Consume,
) -> None:
    earlier = (("daybook_topic", b"elsewhere"), ("daybook_withheld", b"x"), ("a", b"1"))
    await put_aside(record(topic=unique_topic, headers=earlier))

    result = await run("replay", "--all", "--yes")

    assert result.exit_code == 0, result.output
    (sent,) = await consume(unique_topic, 1)
    assert tuple(sent.headers) == (("a", b"1"),)


async def test_a_dry_run_counts_and_sends_nothing(
    run: Run,
    put_aside: PutAside,
    record: MakeRecord,
    unique_topic: str,
    consume: Consume,
) -> None:
    await put_aside(record(b"first", topic=unique_topic))
    await put_aside(record(b"second", topic=unique_topic))

    dry = await run("replay", "0:0", "--dry-run")
    await run("replay", "0:1", "--yes")

    assert dry.exit_code == 0
    assert dry.stdout == f"1 record to send, 5 B, to {unique_topic} (1)\n"
    (sent,) = await consume(unique_topic, 1)
    assert sent.value == b"second"


async def test_a_replay_asks_first_and_sends_nothing_on_no(
    run: Run,
    put_aside: PutAside,
    record: MakeRecord,
    unique_topic: str,
    consume: Consume,
) -> None:
    await put_aside(record(b"no", topic=unique_topic))
    await put_aside(record(b"yes", topic=unique_topic))

    refused = await run("replay", "0:0", answer="n\n")
    nobody = await run("replay", "0:0")
    agreed = await run("replay", "0:1", answer="y\n")

    assert (refused.exit_code, nobody.exit_code, agreed.exit_code) == (1, 1, 0)
    assert SAFE in refused.stdout
    (sent,) = await consume(unique_topic, 1)
    assert sent.value == b"yes"


async def test_what_cannot_be_replayed_is_told_and_the_rest_goes(
    run: Run,
    put_aside: PutAside,
    record: MakeRecord,
    unique_topic: str,
    consume: Consume,
    random_name: Callable[[str], str],
) -> None:
    gone = random_name("gone")
    await put_aside(
        (record(None, topic=unique_topic), EmptyRecord()),
        record(Random(7).randbytes(7 * 1024 * 1024), topic=unique_topic),
        record(topic=gone),
        record(b"good", topic=unique_topic),
    )

    result = await run("replay", "--all", "--yes")

    assert result.exit_code == 0, result.output
    assert "0:0 is skipped: the record had no value" in result.stderr
    assert "0:1 is skipped: its bytes are withheld" in result.stderr
    assert f"{unique_topic}/0:456" in result.stderr
    assert f"0:2 is skipped: there is no topic {gone} any more" in result.stderr
    (sent,) = await consume(unique_topic, 1)
    assert sent.value == b"good"


async def test_a_withheld_value_is_said_to_be_so(
    run: Run, put_aside: PutAside, record: MakeRecord
) -> None:
    await put_aside(record(Random(7).randbytes(7 * 1024 * 1024)))

    listed, shown = await run("list"), await run("show", "0:0")
    value = await run("show", "0:0", "--value-only")

    assert "withheld" in listed.stdout
    assert "value: withheld, larger than this topic" in shown.stdout
    assert value.exit_code == 1


async def test_a_record_that_its_topic_refuses_does_not_hold_back_the_next(
    run: Run,
    put_aside: PutAside,
    record: MakeRecord,
    make_topic: MakeTopic,
    consume: Consume,
) -> None:
    small = await make_topic(partitions=1, max_message_bytes=100_000)
    await put_aside(
        record(b"first", topic=small),
        record(Random(7).randbytes(1024 * 1024), topic=small),
        record(b"last", topic=small),
    )

    result = await run("replay", "--topic", small, "--yes")

    assert result.exit_code == 1
    assert "0:1 could not be sent: it is larger than its topic" in result.stderr
    assert [sent.value for sent in await consume(small, 2)] == [b"first", b"last"]


async def test_a_replay_chooses_by_kind_and_topic(
    run: Run,
    put_aside: PutAside,
    record: MakeRecord,
    unique_topic: str,
    make_topic: MakeTopic,
    consume: Consume,
) -> None:
    other: str = await make_topic(partitions=1)
    await put_aside(
        record(b"1", topic=unique_topic),
        (record(b"2", topic=other), WrongType("x")),
        record(b"3", topic=other),
    )

    by_kind = await run("replay", "--kind", "wrong_type", "--yes")
    by_topic = await run("replay", "--topic", other, "--kind", "not_json", "--yes")

    assert (by_kind.exit_code, by_topic.exit_code) == (0, 0)
    assert [sent.value for sent in await consume(other, 2)] == [b"2", b"3"]


async def test_a_partition_that_is_no_more_is_chosen_by_the_key(
    run: Run,
    put_aside: PutAside,
    record: MakeRecord,
    make_topic: MakeTopic,
    consume: Consume,
) -> None:
    topic: str = await make_topic(partitions=2)
    await put_aside(record(b"1", topic=topic, partition=9))

    result = await run("replay", "--all", "--yes")

    assert result.exit_code == 0, result.output
    (sent,) = await consume(topic, 1)
    assert sent.value == b"1"


async def test_a_replay_goes_on_past_what_is_held_at_once(
    run: Run,
    put_aside: PutAside,
    record: MakeRecord,
    make_topic: MakeTopic,
    consume: Consume,
) -> None:
    topic: str = await make_topic(partitions=1)
    values = [b"x" * (5 * 1024 * 1024), *(str(n).encode() for n in range(600))]
    await put_aside(*(record(value, topic=topic) for value in values))

    result = await run("replay", "--all", "--yes")

    assert "601 records sent" in result.stdout
    assert [sent.value for sent in await consume(topic, 601)] == values


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say which"),
        (("--since", "1h"), "say which"),
        (("0:0", "--all"), "not both"),
        (("0:0", "--since", "1h"), "not both"),
    ],
)
async def test_a_replay_of_nothing_in_particular_is_refused(
    run: Run, arguments: tuple[str, ...], said: str
) -> None:
    result = await run("replay", *arguments)

    assert result.exit_code == 2
    assert said in result.output


async def test_one_unknown_place_among_known_ones_sends_nothing(
    run: Run,
    put_aside: PutAside,
    record: MakeRecord,
    unique_topic: str,
) -> None:
    await put_aside(record(topic=unique_topic))

    result = await run("replay", "0:0", "0:9", "--yes")

    assert result.exit_code == 1
    assert "There is no letter at 0:9" in result.output
    assert "sent" not in result.output


async def test_letters_stay_where_they_are_after_a_replay(
    run: Run, put_aside: PutAside, record: MakeRecord, unique_topic: str
) -> None:
    await put_aside(record(topic=unique_topic))
    await run("replay", "--all", "--yes")

    listed = await run("list", "--json")

    assert json.loads(listed.stdout)["place"] == "0:0"
