"""What a receiver gets: the payload's bytes, and what is known of them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from daybook.webhooks.envelope import Published, envelope, sendout_body

AT = datetime(2026, 11, 25, 12, 0, 0, 123456, tzinfo=UTC)
LATER = datetime(2026, 11, 25, 12, 0, 1, tzinfo=UTC)


def body(payload: bytes, **event: Any) -> bytes:
    return envelope(
        Published(
            id="evt_1", type="voucher.created", created_at=AT, payload=payload, **event
        ),
        sendout_id="whs_1",
        project_id="demo",
        created_at=LATER,
        endpoint_id="we_1",
        target_url="https://example.com/hook",
    )


def test_it_is_shaped_as_promised() -> None:
    source = {"channel": "API", "user": {"id": "u"}, "more": 1}

    got = json.loads(
        body(b'{"code":"A"}', entity_id="v_1", group_id="r_1", event_source=source)
    )

    assert got == {
        "id": "whs_1",
        "type": "voucher.created",
        "timestamp": "2026-11-25T12:00:00.123Z",
        "created_at": "2026-11-25T12:00:01.000Z",
        "project_id": "demo",
        "data": {"code": "A"},
        "source": {
            "id": "we_1",
            "object": "webhook_endpoint",
            "target_url": "https://example.com/hook",
        },
        "event": {
            "id": "evt_1",
            "type": "voucher.created",
            "created_at": "2026-11-25T12:00:00.123Z",
            "entity_id": "v_1",
            "group_id": "r_1",
            "event_source": {"channel": "API", "user": {"id": "u"}, "api_key": None},
        },
    }
    assert list(got)[:6] == [
        *("id", "type", "timestamp", "created_at", "project_id", "data"),
    ]


def test_what_is_absent_is_null() -> None:
    event = json.loads(body(b"null"))["event"]

    assert event["entity_id"] is None
    assert event["group_id"] is None
    assert event["event_source"] == {"channel": None, "user": None, "api_key": None}


@pytest.mark.parametrize(
    "payload",
    [
        b'{"price":1.00,"big":123456789012345678901234567890,"e":1E400}',
        b'{"a":1,"a":2}',
        b'{"z":1,"a":2}',
        b'{ "spaced" :\n [ 1 , 2 ] }',
        b'"\\u00e9 \\/ \\ud83c\\udf9f"',
        '{"name":"Zoë 🎟"}'.encode(),
        b"null",
        b"-0.0",
        b"%d%s%%",
    ],
)
def test_the_payload_is_not_touched(payload: bytes) -> None:
    assert b',"data":' + payload + b',"source":' in body(payload)


def test_a_stored_sendout_is_sent_as_it_was_published() -> None:
    source = {"channel": "API"}
    stored = {
        "id": "whs_1",
        "project_id": "demo",
        "endpoint_id": "we_1",
        "event_id": "evt_1",
        "event_type": "voucher.created",
        "event_created_at": AT,
        "created_at": LATER,
        "payload": '{"a":1.00}',
        "entity_id": "v_1",
        "event_source": source,
    }

    got = sendout_body(stored, "https://example.com/hook")

    assert got == body(b'{"a":1.00}', entity_id="v_1", event_source=source)
