"""The bytes of a published event."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from daybook.events.request import HttpMessage, RequestCompleted, User
from daybook.events.writing import (
    EncodedRecord,
    EventTooLargeError,
    InvalidProjectError,
    encode,
    largest_record,
)
from hypothesis import example, given
from hypothesis import strategies as st

NOON = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LIMIT = largest_record(RequestCompleted.topic)


def event(**fields: Any) -> RequestCompleted:
    needed: dict[str, Any] = {
        "request_id": "req_1",
        "method": "GET",
        "url": "https://shop.example/",
    }
    return RequestCompleted(**(needed | fields))


def written(published: RequestCompleted, **attributes: Any) -> EncodedRecord:
    usual: dict[str, Any] = {
        "id": "evt_1",
        "source": "shop/1",
        "time": NOON,
        "project_id": "demo",
        "sequence": 17,
    }
    return encode(published, **(usual | attributes))


def test_an_event_is_one_structured_cloudevent() -> None:
    record = written(event(user=User(id="u1")), traceparent=TRACEPARENT)

    assert record.key == b"req_1"
    assert record.headers == (
        ("content-type", b"application/cloudevents+json; charset=UTF-8"),
        ("projectid", b"demo"),
    )
    assert orjson.loads(record.value) == {
        "specversion": "1.0",
        "id": "evt_1",
        "source": "shop/1",
        "type": "daybook.request.completed.v1",
        "time": "2026-11-24T12:00:00.123456Z",
        "subject": "req_1",
        "datacontenttype": "application/json",
        "projectid": "demo",
        "sequence": 17,
        "traceparent": TRACEPARENT,
        "data": {
            "request_id": "req_1",
            "method": "GET",
            "url": "https://shop.example/",
            "user": {"id": "u1"},
        },
    }


def test_what_is_not_known_is_left_out() -> None:
    record = written(event(), sequence=None, traceparent="nonsense")

    assert not {"sequence", "traceparent"} & set(orjson.loads(record.value))


@pytest.mark.parametrize(
    "time",
    [
        NOON,
        NOON.replace(tzinfo=None),
        NOON.astimezone(timezone(timedelta(hours=-5, minutes=-30))),
    ],
)
def test_a_time_is_written_in_utc(time: datetime) -> None:
    value = orjson.loads(written(event(), time=time).value)

    assert value["time"] == "2026-11-24T12:00:00.123456Z"


@pytest.mark.parametrize("project_id", ["", "a b", "a" * 65, "é", "demo\n"])
def test_a_malformed_project_id_is_refused(project_id: str) -> None:
    with pytest.raises(InvalidProjectError):
        written(event(), project_id=project_id)


@given(
    st.text(st.characters(exclude_categories=())),
    st.text(st.characters(exclude_categories=()), min_size=1),
)
@example(body="\udc00", key="\ud800")
def test_any_text_a_python_string_can_hold_is_written(body: str, key: str) -> None:
    published = event(
        request_id=key,
        request=HttpMessage.model_construct(body=body, headers=[[body, body]]),
    )

    record = written(published)

    def scrub(text: str) -> str:
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)

    value = orjson.loads(record.value)
    assert value["data"]["request"]["body"] == scrub(body)
    assert value["data"]["request"]["headers"] == [[scrub(body), scrub(body)]]
    assert value["subject"] == value["data"]["request_id"] == scrub(key)
    assert record.key == scrub(key).encode()


# Characters of one to four bytes, and all the ways that JSON escapes some.
AWKWARD = 'aé€😀"\\\n\x00\x1f/\u2028'


@pytest.mark.parametrize("shift", [0, 1, 2, 5])
@pytest.mark.parametrize("text", [AWKWARD, "\\", '"', "\x00", "😀", "x"])
def test_bodies_too_long_for_the_topic_are_cut_between_characters(
    text: str, shift: int
) -> None:
    long = "x" * shift + text * (5_000_000 // len(text.encode()))
    published = event(
        request=HttpMessage(body="short", body_size=5),
        response=HttpMessage(body=long, body_encoding="utf-8"),
    )

    record = written(published)

    data = orjson.loads(record.value)["data"]
    assert LIMIT - 300 < record.size <= LIMIT
    assert data["request"] == {"body": "short", "body_size": 5}
    assert long.startswith(data["response"]["body"])
    assert data["response"]["truncated"] is True
    assert data["response"]["body_size"] == len(long.encode())


def test_two_long_bodies_share_the_room() -> None:
    both = HttpMessage(body="x" * 3_000_000, body_size=9_000_000)

    data = orjson.loads(written(event(request=both, response=both)).value)["data"]

    for side in (data["request"], data["response"]):
        assert 2_000_000 < len(side["body"]) < 2_100_000
        assert (side["truncated"], side["body_size"]) == (True, 9_000_000)


def test_a_base64_body_is_cut_where_it_still_decodes() -> None:
    import base64

    blob = bytes(range(256)) * 20_000
    body = base64.b64encode(blob).decode()
    side = HttpMessage(body=body, body_encoding="base64")

    data = orjson.loads(written(event(response=side)).value)["data"]

    assert blob.startswith(base64.b64decode(data["response"]["body"], validate=True))
    assert data["response"]["body_size"] == len(blob)


def test_an_event_too_large_without_its_bodies_is_refused() -> None:
    with pytest.raises(EventTooLargeError):
        written(event(url="x" * 5_000_000, request=HttpMessage(body="y" * 100)))


def test_an_event_at_the_limit_is_not_touched() -> None:
    spare = LIMIT - written(event(request=HttpMessage(body=""))).size

    whole = written(event(request=HttpMessage(body="x" * spare)))
    cut = written(event(request=HttpMessage(body="x" * (spare + 1))))

    assert whole.size == LIMIT
    assert "truncated" not in orjson.loads(whole.value)["data"]["request"]
    assert orjson.loads(cut.value)["data"]["request"]["truncated"] is True


async def test_the_largest_record_is_taken_by_a_broker_even_if_it_hardly_compresses(
    kafka_bootstrap: str, make_topic: Any, make_face: Any, make_event: Any
) -> None:
    import random

    topic = await make_topic()
    face = make_face(kafka_bootstrap)
    letters = [chr(code) for code in range(0x20, 0x7F) if chr(code) not in '"\\']
    noise = "".join(random.Random(7).choices(letters, k=5_000_000))

    face.publish(make_event("big", topic, request=HttpMessage(body=noise)))
    report = await face.close(timedelta(seconds=30))

    assert report.lost == 0
    assert face.stats.delivered == 1
