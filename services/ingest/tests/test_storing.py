"""What is stored of good records, and that bad ones hold nobody back."""

import json
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from aiokafka.producer import message_accumulator
from aiokafka.record import default_records
from daybook.events.topics import MEBIBYTE
from daybook.testing.records import request_event


def encoded(event: Any) -> bytes:
    return json.dumps(event).encode()


def good(identity: str, **attributes: Any) -> bytes:
    return encoded(request_event(id=identity, **attributes))


IN_PYTHON: Any = vars(default_records)["_DefaultRecordBatchBuilderPy"]
STRUCTURED = ("content-type", b"application/cloudevents+json")


async def test_a_request_is_stored_as_the_shape_says(world: Any) -> None:
    async with world.ingest():
        place = await world.send(good("a"), STRUCTURED)

        (log,) = await world.stored(1)

    assert log["_id"] == "demo/a"
    assert (log["project_id"], log["id"], log["tier"]) == ("demo", "a", "shared")
    assert log["status"] == "SUCCESS"
    assert log["created_at"] == datetime(2026, 11, 24, 4, 0, 0, 123_000, tzinfo=UTC)
    assert log["hour"] == int(log["created_at"].timestamp()) // 3600
    assert log["received_at"].timestamp() * 1000 == place.timestamp
    assert log["origin"] == {
        "topic": world.settings.requests_topic,
        "partition": 0,
        "offset": place.offset,
    }
    assert log["sequence"] == 17
    assert log["request"]["body"] == '{"code":"A","n":1.00}'
    assert set(log["refs"]) == {
        "request:req_1",
        "endpoint:POST /v1/vouchers/{code}",
        "user:cust_1",
        "email:ann@example.com",
        "key:key_1",
        "key_name:server",
        "resource_type:voucher",
        "resource:A",
    }


BAD: list[tuple[bytes | None, str]] = [
    (None, "empty"),
    (b"", "empty"),
    (b"{not json", "not_json"),
    (b"\xff\xfe\x00", "not_json"),
    (b'{"hello":"world"}', "not_a_cloudevent"),
    (encoded(request_event(source=...)), "missing_field"),
    (encoded(request_event(data={"method": ...})), "missing_field"),
    (encoded(request_event(data={"status_code": "ok"})), "wrong_type"),
    (encoded(request_event(type="daybook.other.v1")), "unknown_type"),
    (b"[" * 200 + b"]" * 200, "too_deep"),
    (encoded(request_event(sequence=2**64)), "not_storable"),
    (encoded(request_event(data={"url": "\ud800"})), "not_storable"),
    (encoded(request_event(projectid="no spaces")), "malformed_project"),
    (encoded(request_event(data={"url": "x" * 16 * MEBIBYTE})), "too_large"),
]


async def test_bad_records_go_to_the_dead_letters_and_good_ones_are_stored(
    world: Any,
) -> None:
    places: list[Any] = []
    for number, (value, _) in enumerate(BAD):
        await world.send(good(f"before-{number}"), STRUCTURED)
        places.append(await world.send(value, ("x-own", b"kept"), ("x-null", None)))
    await world.send(good("last"), STRUCTURED)

    async with world.ingest():
        letters = await world.letters(len(BAD))
        logs = await world.stored(len(BAD) + 1)
        await world.committed(2 * len(BAD) + 1)

    assert len(logs) == len(BAD) + 1
    assert len(letters) == len(BAD)
    for letter, place, (value, kind) in zip(letters, places, BAD, strict=True):
        headers = dict(letter.headers)
        assert letter.value == (value or b"")
        assert letter.key == b"k"
        assert headers["daybook_kind"] == kind.encode()
        assert headers["daybook_reason"]
        assert headers["daybook_topic"] == place.topic.encode()
        assert headers["daybook_partition"] == b"0"
        assert headers["daybook_offset"] == str(place.offset).encode()
        assert datetime.fromisoformat(headers["daybook_time"].decode()).tzinfo
        assert headers["x-own"] == b"kept"


async def test_odd_but_valid_records_are_stored(world: Any) -> None:
    sent: list[tuple[bytes, Any]] = [
        (good("headers"), [("x-null", None), ("x-odd", b"\xff")]),
        (good("unknown", region="eu"), []),
        (good("past", time="1970-01-01T00:00:00Z"), []),
        (good("ancient", time="0001-01-01T00:00:00+14:00"), []),
        (good("future", time="9999-12-31T23:59:59-14:00"), []),
        (good("timeless", time=...), []),
        (good("nobody", projectid="nobody-created"), []),
    ]

    async with world.ingest():
        for value, headers in sent:
            await world.send(value, *headers)
        await world.send(good("keyless"), key=None)
        logs = {log["id"]: log for log in await world.stored(len(sent) + 1)}

    assert json.loads(logs["unknown"]["extra"]) == {"region": "eu"}
    assert logs["past"]["created_at"] == datetime(1970, 1, 1, tzinfo=UTC)
    assert logs["ancient"]["created_at"] == datetime(1, 1, 1, tzinfo=UTC)
    assert logs["future"]["created_at"] == logs["future"]["received_at"]
    assert logs["future"]["event_time"].year == 9999
    assert logs["timeless"]["created_at"] == logs["timeless"]["received_at"]
    assert "event_time" not in logs["timeless"]
    assert logs["nobody"]["tier"] == "shared"
    assert "keyless" in logs


async def test_a_record_at_the_topics_limit_is_stored(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.producer, "_compression_type", 0)
    body = Random(1).randbytes(2 * MEBIBYTE - 2048).hex()
    value = encoded(request_event(id="big", data={"request": {"body": body}}))
    producer = world.producer
    producer._compression_type = 0

    async with world.ingest():
        await world.send(value, STRUCTURED)
        (log,) = await world.stored(1)

    assert log["request"]["body"] == body


async def test_an_id_that_comes_twice_is_stored_once(world: Any) -> None:
    async with world.ingest():
        await world.send(good("twice"))
        await world.send(good("twice"))
        await world.stored(1)
        await world.send(good("twice"))
        await world.send(good("last"))
        logs = await world.stored(2)
        await world.committed(4)

    assert [log["id"] for log in logs] == ["twice", "last"]


SAME = {"id": {"$regex": "^same"}}


async def test_the_same_id_from_another_source_is_stored_beside_it(world: Any) -> None:
    async with world.ingest():
        for source in ("shop/1", "shop/2", "shop/2"):
            await world.send(good("same", source=source))
        await world.send(good("last"))
        await world.stored(3)
        await world.committed(4)
        logs = {
            log["source"]: log for log in await world.stored(3) if log["id"][0] == "s"
        }

    assert logs["shop/1"]["id"] == "same"
    assert logs["shop/2"]["id"].startswith("same~")
    assert logs["shop/2"]["_id"] == f"demo/{logs['shop/2']['id']}"


class NoUtf8(str):
    """A header name as a careless client of another language writes it."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return b"x-\xff\xfe"


@pytest.mark.parametrize("compression", [0, 4])  # none, zstd
async def test_a_header_name_that_is_no_utf8_stops_nobody(
    world: Any, monkeypatch: pytest.MonkeyPatch, compression: int
) -> None:
    # aiokafka's own builder in C takes no such name, its twin in Python does. All of
    # them stand in one batch, so that the good ones are unpacked with the bad one.
    monkeypatch.setattr(message_accumulator, "DefaultRecordBatchBuilder", IN_PYTHON)
    monkeypatch.setattr(world.producer, "_compression_type", compression)
    batch = world.producer.create_batch()
    for number in range(11):
        headers = [(NoUtf8("x-name"), b"x")] if number == 5 else [STRUCTURED]
        batch.append(
            timestamp=None, key=None, value=good(f"n-{number}"), headers=headers
        )
    topic = world.settings.requests_topic
    await (await world.producer.send_batch(batch, topic, partition=0))

    async with world.ingest():
        logs = await world.stored(11)
        await world.committed(11)

    assert [log["id"] for log in logs] == [f"n-{number}" for number in range(11)]
