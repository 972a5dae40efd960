import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from click.testing import CliRunner, Result
from daybook.commands.group import daybook
from daybook.commands.parameters import parse_since
from daybook.events.faults import EmptyRecord, NotJson, WrongType
from daybook.testing.records import FakeRecord

Run = Callable[..., Awaitable[Result]]
PutAside = Callable[..., Awaitable[None]]
MakeRecord = Callable[..., FakeRecord]


def places(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [json.loads(line)["place"] for line in result.stdout.splitlines()]


async def test_a_list_has_a_row_a_letter_with_all_that_is_known(
    run: Run, put_aside: PutAside, record: MakeRecord
) -> None:
    await put_aside(record(), (record(b"{}", partition=3), WrongType("method: no")))

    result = await run("list")

    assert result.exit_code == 0
    titles, first, second = result.stdout.splitlines()
    assert titles.split() == ["PLACE", "TIME", "KIND", "SOURCE", "SIZE", "REASON"]
    place, moment, *rest = first.split(maxsplit=6)
    assert (place, datetime.fromisoformat(moment).utcoffset()) == ("0:0", timedelta(0))
    assert rest == [
        "not_json",
        "daybook.requests.v1/0:456",
        "9",
        "B",
        "The value is not JSON: it begins with x",
    ]
    assert second.startswith("0:1 ")
    assert "wrong_type  daybook.requests.v1/3:456  2 B " in second


async def test_an_empty_topic_lists_nothing(run: Run) -> None:
    result = await run("list")

    assert (result.exit_code, result.stdout) == (0, "none\n")


async def test_a_list_holds_the_newest_letters_last_and_says_that_there_are_more(
    run: Run, put_aside: PutAside, record: MakeRecord
) -> None:
    await put_aside(*(record(str(number).encode()) for number in range(5)))

    result = await run("list", "--limit", "2", "--json")

    assert places(result) == ["0:3", "0:4"]
    assert "the newest 2 of 5" in result.stderr


async def test_a_list_is_filtered_by_kind_and_topic(
    run: Run, put_aside: PutAside, record: MakeRecord
) -> None:
    await put_aside(
        record(),
        (record(None), EmptyRecord()),
        record(topic="other.v1"),
        (record(None, topic="other.v1"), EmptyRecord()),
    )

    assert places(await run("list", "--kind", "empty", "--json")) == ["0:1", "0:3"]
    assert places(await run("list", "--topic", "other.v1", "--json")) == ["0:2", "0:3"]
    both = await run("list", "--topic", "other.v1", "--kind", "empty", "--json")
    assert places(both) == ["0:3"]


async def test_a_filtered_list_with_a_limit_counts_what_matches(
    run: Run, put_aside: PutAside, record: MakeRecord
) -> None:
    await put_aside(record(), record(), (record(), WrongType("x")), record())

    result = await run("list", "--kind", "not_json", "--limit", "2", "--json")

    assert places(result) == ["0:1", "0:3"]
    assert "the newest 2 of 3" in result.stderr


async def test_a_list_can_begin_at_a_time(
    run: Run, put_aside: PutAside, record: MakeRecord
) -> None:
    await put_aside(record())
    first = json.loads((await run("list", "--json")).stdout)["time"]
    after = datetime.fromisoformat(first) + timedelta(milliseconds=1)
    await asyncio.to_thread(_wait_until, after)
    await put_aside(record())

    assert places(await run("list", "--since", "1h", "--json")) == ["0:0", "0:1"]
    assert places(await run("list", "--since", after.isoformat(), "--json")) == ["0:1"]
    assert places(await run("list", "--since", "2100-01-01T00:00:00Z", "--json")) == []


def _wait_until(moment: datetime) -> None:
    while datetime.now(UTC) <= moment:
        pass


async def test_json_lines_hold_what_a_program_needs(
    run: Run, put_aside: PutAside, record: MakeRecord
) -> None:
    await put_aside(record(partition=2))

    letter = json.loads((await run("list", "--json")).stdout)

    received = datetime.fromisoformat(letter.pop("received_at"))
    assert received == datetime.fromtimestamp(1_795_000_000, UTC)
    assert letter.pop("time").endswith("Z")
    assert letter == {
        "place": "0:0",
        "kind": "not_json",
        "reason": "The value is not JSON: it begins with x",
        "topic": "daybook.requests.v1",
        "partition": 2,
        "offset": 456,
        "key": "req_1",
        "size": 9,
        "withheld": None,
    }


async def test_what_a_publisher_wrote_cannot_command_the_terminal(
    run: Run, put_aside: PutAside, record: MakeRecord
) -> None:
    headers = (("odd\x1b]0;x", b"\x1b[2J\n"),)
    await put_aside((record(b"\x1b[2J", headers=headers), NotJson("\x1b[31m\r\nx")))

    listed, shown = await run("list"), await run("show", "0:0")

    assert "\x1b" not in listed.output + shown.output
    assert len(listed.stdout.splitlines()) == 2


async def test_show_prints_headers_key_and_text(
    run: Run, put_aside: PutAside, record: MakeRecord
) -> None:
    await put_aside(
        record(
            '{"name": "Zoë 🎟"'.encode(),
            headers=(("content-type", b"application/json"), ("none", None)),
        )
    )

    result = await run("show", "0:0")

    assert result.exit_code == 0
    assert "  content-type: application/json\n" in result.stdout
    assert "  none: null\n" in result.stdout
    assert "  daybook_kind: not_json\n" in result.stdout
    assert "key: req_1\n" in result.stdout
    assert result.stdout.endswith('text):\n{"name": "Zoë 🎟"\n')


@pytest.mark.parametrize(
    ("value", "shown"),
    [(b"\xff\x00\x01", "in hex):\nff0001\n"), (b"\xff" * 300, "in base64):\n//////")],
)
async def test_bytes_that_are_no_text_are_shown_encoded_and_said_to_be(
    run: Run, put_aside: PutAside, record: MakeRecord, value: bytes, shown: str
) -> None:
    await put_aside(record(value))

    assert shown in (await run("show", "0:0")).stdout


async def test_a_value_alone_is_written_byte_for_byte(
    run: Run, put_aside: PutAside, record: MakeRecord
) -> None:
    value = bytes(range(256))
    await put_aside(record(value))

    result = await run("show", "0:0", "--value-only")

    assert result.stdout_bytes == value


async def test_a_letter_far_larger_than_a_fetch_is_readable(
    run: Run, put_aside: PutAside, record: MakeRecord
) -> None:
    blank = b" " * (40 * 1024 * 1024)  # a few kilobytes on the wire
    noise = Random(7).randbytes(5 * 1024 * 1024)
    await put_aside(record(blank), record(noise), record())

    listed = await run("list", "--json")
    shown = await run("show", "0:1", "--value-only")

    assert places(listed) == ["0:0", "0:1", "0:2"]
    assert shown.stdout_bytes == noise


async def test_letters_of_every_partition_are_listed_by_time(
    kafka_bootstrap: str,
    make_topic: Callable[..., Awaitable[str]],
    environment: dict[str, str],
    run: Run,
) -> None:
    several = await make_topic(partitions=3)
    environment["DAYBOOK_DEAD_LETTERS_TOPIC"] = several
    producer: Any = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap)
    async with producer:
        for partition in (2, 0, 2):
            sent = await producer.send_and_wait(several, b"x", partition=partition)
            moment = datetime.fromtimestamp(sent.timestamp / 1000, UTC)
            await asyncio.to_thread(_wait_until, moment + timedelta(milliseconds=2))

    result = await run("list", "--json", "--limit", "2")

    assert places(result) == ["0:0", "2:1"]
    assert json.loads(result.stdout.splitlines()[0])["kind"] == "unknown"


@pytest.mark.parametrize("place", ["0:1", "7:0"])
async def test_an_unknown_place_is_told(
    run: Run, put_aside: PutAside, record: MakeRecord, place: str
) -> None:
    await put_aside(record())

    result = await run("show", place)

    assert result.exit_code == 1
    assert f"There is no letter at {place}" in result.output


async def test_a_malformed_place_or_time_says_how_to_write_it(run: Run) -> None:
    place, since = await run("show", "nowhere"), await run("list", "--since", "noon")

    assert (place.exit_code, since.exit_code) == (2, 2)
    assert "write PARTITION:OFFSET" in place.output
    assert "2h" in since.output


async def test_a_topic_that_does_not_exist_is_told_and_not_made(
    run: Run, environment: dict[str, str], random_name: Callable[[str], str]
) -> None:
    environment["DAYBOOK_DEAD_LETTERS_TOPIC"] = random_name("nobody")

    first, second = await run("list"), await run("list")

    for result in (first, second):
        assert result.exit_code == 1
        assert "There is no topic nobody-" in result.output


@pytest.mark.parametrize("silent", [True, False])
def test_a_broker_that_is_away_is_told_within_ten_seconds(
    silent_port: int, silent: bool
) -> None:
    port = silent_port if silent else 1
    began = time.monotonic()

    result = CliRunner().invoke(
        daybook,
        ["dead-letters", "list"],
        env={"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}"},
        catch_exceptions=False,
    )

    assert time.monotonic() - began < 11
    assert result.exit_code == 1
    away = "Error: Kafka does not answer. Check that KAFKA_BOOTSTRAP_SERVERS names it."
    refused = f' It said: Unable connect to "127.0.0.1:{port}": '
    assert result.output.startswith(away + ("" if silent else refused))
    assert result.output.count("\n") == 1


NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30s", NOW - timedelta(seconds=30)),
        ("2h", NOW - timedelta(hours=2)),
        ("7d", NOW - timedelta(days=7)),
        ("999999w", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2026-11-24T04:00:00Z", datetime(2026, 11, 24, 4, tzinfo=UTC)),
        ("2026-11-24T04:00:00+02:00", datetime(2026, 11, 24, 2, tzinfo=UTC)),
    ],
)
def test_a_time_is_an_age_or_rfc_3339(text: str, moment: datetime) -> None:
    assert parse_since(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "2", "h", "-2h", "2026-11-24T04:00:00", "٢h"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - that is the promise
        parse_since(text, NOW)
