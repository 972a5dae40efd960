"""A webhook's payload reaches the reader as it was spelled, whatever way it came."""

import json

import pytest
from daybook.events.faults import NotJson, RecordFault, TooDeep
from daybook.events.reading import EventReader
from daybook.events.webhook import WebhookPublished
from daybook.events.writing import encode
from daybook.runtime.clock import utc_now
from daybook.testing.records import FakeRecord, webhook_event
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

EXACT = [
    "1.00",
    "123456789012345678901234567890",
    '{"b": 1, "a" : 2,"b":3}',
    '{"s":"\\ud800 \\u00e9 é \\n"}',
    "null",
    '"text"',
    "[]",
    '{"nested": {"a": [1e3, -0.0, {"x": true}]}}',
    "[" * 90 + "]" * 90,
]


@pytest.fixture
def reader() -> EventReader:
    return EventReader([WebhookPublished])


@pytest.mark.parametrize("payload", EXACT)
@pytest.mark.parametrize("unknown", ["", '"region": "eu", '])
def test_a_payload_is_read_as_it_was_spelled(
    reader: EventReader, payload: str, unknown: str
) -> None:
    """Also by the slow way, which an unknown attribute takes."""
    value = webhook_event(payload).replace(
        b'"source"', f'{unknown}"source"'.encode(), 1
    )

    event = reader.read(FakeRecord(value))

    assert event.data["payload"] == payload
    assert event.data["event_type"] == "voucher.created"


@pytest.mark.parametrize("payload", EXACT)
def test_a_payload_in_binary_mode_is_read_as_it_was_spelled(
    reader: EventReader, payload: str
) -> None:
    event = json.loads(webhook_event())
    event.pop("data")
    headers = [
        (f"ce_{name}", str(value).encode())
        for name, value in event.items()
        if name != "datacontenttype"
    ]
    data = f'{{"event_type":"a","payload":{payload}}}'.encode()
    record = FakeRecord(data, (*headers, ("content-type", b"application/json")))

    assert reader.read(record).data["payload"] == payload


@pytest.mark.parametrize("payload", EXACT)
def test_what_our_own_library_writes_is_read_back_as_it_was(
    reader: EventReader, payload: str
) -> None:
    published = WebhookPublished(event_type="a.b", payload=payload)

    record = encode(published, id="e-1", source="s", time=utc_now(), project_id="demo")

    assert record.key == b"e-1"
    assert reader.read(FakeRecord(record.value)).data["payload"] == payload


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
        ),
        max_leaves=20,
    ),
    st.booleans(),
)
def test_any_payload_survives(value: object, ascii_only: bool) -> None:
    payload = json.dumps(value, ensure_ascii=ascii_only, indent=1)
    reader = EventReader([WebhookPublished])

    event = reader.read(FakeRecord(webhook_event(payload)))

    assert event.data["payload"] == payload


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (webhook_event("[" * 120 + "]" * 120), TooDeep),
        # Deeper than any parser recurses, the quick decoder's too.
        (webhook_event("[" * 100_000 + "]" * 100_000), TooDeep),
        (webhook_event('{"a":' * 100_000 + "1" + "}" * 100_000), TooDeep),
        (webhook_event("[" * 4_000_000), TooDeep),
        (webhook_event('"x"').replace(b'"x"', b'"\xff"'), NotJson),
        (webhook_event("{,}"), NotJson),
        (webhook_event("01"), NotJson),
    ],
)
def test_what_is_no_json_is_refused(
    reader: EventReader, value: bytes, fault: type[RecordFault]
) -> None:
    with pytest.raises(fault):
        reader.read(FakeRecord(value))


@pytest.mark.parametrize("levels", range(96, 103))
def test_what_a_host_can_publish_is_not_too_deep_to_be_read(
    reader: EventReader, levels: int
) -> None:
    payload = "[" * levels + "]" * levels
    try:
        published = WebhookPublished(event_type="a", payload=payload)
    except ValidationError:
        assert levels > 98
        return

    record = encode(published, id="e-1", source="s", time=utc_now(), project_id="demo")

    assert reader.read(FakeRecord(record.value)).data["payload"] == payload


@pytest.mark.parametrize("payload", ["", "{", "nul", "[" * 120 + "]" * 120])
def test_a_host_cannot_publish_what_is_no_json(payload: str) -> None:
    with pytest.raises(ValidationError):
        WebhookPublished(event_type="a", payload=payload)
