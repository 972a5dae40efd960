"""What is read of a record, and what is refused with which reason."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from daybook.events import faults
from daybook.events.catalog import EVENTS
from daybook.events.cloudevent import CloudEvent
from daybook.events.reading import EventReader
from daybook.events.request import RequestCompleted
from daybook.testing.records import DATA, FakeRecord, record_of, request_event

GOLDEN = Path(__file__).parent / "golden"
BEYOND_64_BITS = 2**64


@pytest.fixture
def reader() -> EventReader:
    return EventReader([RequestCompleted])


def read(reader: EventReader, event: Any) -> CloudEvent:
    return reader.read(record_of(event))


def test_a_structured_event_is_read_whole(reader: EventReader) -> None:
    event = read(reader, request_event())

    assert event.event is RequestCompleted
    assert (event.id, event.source, event.project_id) == ("evt_1", "shop/1", "demo")
    assert event.time == datetime(2026, 11, 24, 4, 0, 0, 123_000, tzinfo=UTC)
    assert event.sequence == 17
    assert event.data == DATA
    assert event.extra is None


def test_a_binary_mode_record_gives_the_same_event(reader: EventReader) -> None:
    attributes = request_event(sequence="17")
    data = attributes.pop("data")
    headers = [
        (f"ce_{name}", str(value).encode())
        for name, value in attributes.items()
        if name != "datacontenttype"
    ]
    record = FakeRecord(
        json.dumps(data).encode(), (*headers, ("content-type", b"application/json"))
    )

    assert reader.read(record) == read(reader, request_event(sequence="17"))


def test_a_record_without_headers_is_read_as_structured(reader: EventReader) -> None:
    record = FakeRecord(json.dumps(request_event()).encode())

    assert reader.read(record).id == "evt_1"


def test_headers_that_are_not_needed_harm_nothing(reader: EventReader) -> None:
    record = record_of(request_event(), ("x-null", None), ("x-odd", b"\xff\xfe"))

    assert reader.read(record).id == "evt_1"


def test_unknown_attributes_and_fields_are_kept_as_they_came(
    reader: EventReader,
) -> None:
    text = (
        json.dumps(request_event())
        .replace('"id": "evt_1"', '"id": "evt_1", "region": "eu", "n": 1.00')
        .replace('"email"', '"age": 123456789012345678901234567890, "email"')
        .replace('"request_id"', '"new": {"b": "\\ud800", "a": [1e3]}, "request_id"')
    )

    event = reader.read(FakeRecord(text.encode()))

    assert event.data == DATA
    assert event.extra == (
        '{"region":"eu","n":1.00,"data":{"new":{"b": "\\ud800", "a": [1e3]},'
        '"user":{"age":123456789012345678901234567890}}}'
    )


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2026-11-24T06:00:00+02:00", datetime(2026, 11, 24, 4, tzinfo=UTC)),
        (
            "2026-11-24T04:00:00.123456789Z",
            datetime(2026, 11, 24, 4, 0, 0, 123_457, tzinfo=UTC),
        ),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (None, None),
        (..., None),
    ],
)
def test_any_time_is_read(reader: EventReader, time: Any, expected: Any) -> None:
    assert read(reader, request_event(time=time)).time == expected


@pytest.mark.parametrize(
    ("value", "fault", "word"),
    [
        (None, faults.EmptyRecord, "no value"),
        (b"", faults.EmptyRecord, "no value"),
        (b"{not json", faults.NotJson, "character 1"),
        (b"\xff\xfe", faults.NotJson, "UTF-8"),
        (b'{"a": NaN}', faults.NotJson, "NaN"),
        (b"[1]", faults.NotACloudEvent, "object"),
        (b'"text"', faults.NotACloudEvent, "object"),
        (b'{"hello": "world"}', faults.NotACloudEvent, "specversion"),
        (b"[" * 200 + b"]" * 200, faults.TooDeep, "100"),
        (b"[" * 500_000, faults.TooDeep, "100"),
    ],
)
def test_what_is_no_event_is_refused(
    reader: EventReader, value: bytes | None, fault: type[Exception], word: str
) -> None:
    with pytest.raises(fault, match=word):
        reader.read(FakeRecord(value))


def deep(levels: int) -> Any:
    return json.loads("[" * levels + "]" * levels)


@pytest.mark.parametrize(
    ("event", "fault", "word"),
    [
        (request_event(specversion="0.3"), faults.NotACloudEvent, "specversion"),
        (request_event(id=...), faults.MissingField, "id"),
        (request_event(source=...), faults.MissingField, "source"),
        (request_event(type=...), faults.MissingField, "type"),
        (request_event(projectid=...), faults.MissingField, "projectid"),
        (request_event() | {"data": None}, faults.WrongType, "data"),
        (request_event(id=5), faults.WrongType, "id"),
        (request_event(id=""), faults.WrongType, "id"),
        (request_event(id="x" * 1025), faults.WrongType, "id"),
        (request_event(time="yesterday"), faults.WrongType, "time"),
        (request_event(time=5), faults.WrongType, "time"),
        (request_event(type="daybook.x.v9"), faults.UnknownType, r"daybook\.x\.v9"),
        (request_event(projectid="a b"), faults.MalformedProject, "projectid"),
        (request_event(projectid="demo\n"), faults.MalformedProject, "projectid"),
        (request_event(projectid="x" * 65), faults.MalformedProject, "projectid"),
        (request_event(sequence=BEYOND_64_BITS), faults.NotStorable, "sequence"),
        (request_event(sequence=-(10**4000)), faults.NotStorable, "sequence"),
        (request_event(sequence=True), faults.WrongType, "sequence"),
        (request_event(id="\ud800"), faults.NotStorable, "id"),
        (request_event(data={"method": ...}), faults.MissingField, "data.method"),
        (request_event(data={"request_id": None}), faults.WrongType, "request_id"),
        (request_event(data={"status_code": "201"}), faults.WrongType, "status_code"),
        (request_event(data={"status_code": 20}), faults.WrongType, "status_code"),
        (request_event(data={"user": "ann"}), faults.WrongType, "data.user"),
        (request_event(data={"url": "\udc00"}), faults.NotStorable, "surrogate"),
        (
            request_event(data={"request": {"headers": [["only a name"]]}}),
            faults.WrongType,
            "headers.0",
        ),
        (
            request_event(data={"request": {"body_size": BEYOND_64_BITS}}),
            faults.NotStorable,
            "body_size",
        ),
        (request_event(data={"new": deep(200)}), faults.TooDeep, "100"),
    ],
)
def test_a_spoiled_event_is_refused_with_its_reason(
    reader: EventReader, event: Any, fault: type[Exception], word: str
) -> None:
    with pytest.raises(fault, match=word):
        read(reader, event)


def test_a_deep_unknown_field_within_the_bound_is_kept(reader: EventReader) -> None:
    event = read(reader, request_event(data={"new": deep(97)}))

    assert event.extra is not None
    assert event.extra.count("[") == 97


def test_brackets_in_text_are_no_depth(reader: EventReader) -> None:
    body = '[{"' * 500

    event = read(reader, request_event(data={"request": {"body": body}}))

    assert event.data["request"]["body"] == body


def test_a_batch_in_one_record_is_refused(reader: EventReader) -> None:
    headers = (("content-type", b"application/cloudevents-batch+json"),)

    with pytest.raises(faults.NotACloudEvent, match="one event a record"):
        reader.read(FakeRecord(b"[]", headers))


def test_binary_data_that_is_no_json_is_refused(reader: EventReader) -> None:
    headers = (("ce_id", b"1"), ("content-type", b"text/plain"))

    with pytest.raises(faults.WrongType, match="application/json"):
        reader.read(FakeRecord(b"{}", headers))


@pytest.mark.parametrize("path", sorted(GOLDEN.iterdir()), ids=lambda path: path.stem)
def test_yesterdays_bytes_stay_readable(path: Path) -> None:
    golden = json.loads(path.read_text())
    headers = tuple((name, value.encode()) for name, value in golden["headers"])

    event = EventReader(EVENTS.values()).read(
        FakeRecord(golden["value"].encode(), headers)
    )

    assert event.id == golden["expected"]["id"]
    assert event.data == golden["expected"]["data"]
    assert event.extra == golden["expected"]["extra"]
