"""Both faces while the broker is away, dies, or hangs."""

import asyncio
import logging
import time
from datetime import timedelta
from typing import Any

import pytest
from daybook.events.topics import Topic
from daybook.runtime.kafka_topics import ensure_topics
from daybook.testing import ServerHandle, eventually

MINUTE = timedelta(minutes=1)
# So that a broken connection is noticed within the patience of a test.
QUICK = {
    "request_timeout": timedelta(seconds=1),
    "stall_timeout": timedelta(seconds=3),
}


def in_order(events: list[dict[str, Any]]) -> dict[str, list[int]]:
    """Each key's sequence numbers as they first arrived."""
    seen: set[str] = set()
    by_key: dict[str, list[int]] = {}
    for event in events:
        if event["id"] not in seen:
            seen.add(event["id"])
            by_key.setdefault(event["subject"], []).append(event["sequence"])
    return by_key


async def test_a_broker_away_at_the_start_gets_everything_when_it_comes(
    make_face: Any,
    make_event: Any,
    kafka_server: ServerHandle,
    read_topic: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await ensure_topics(kafka_server.address, [Topic("t", keyed_by="anything")])
    await kafka_server.kill()
    face = make_face(kafka_server.address)

    before = time.monotonic()
    await face.start()
    for number in range(200):
        face.publish(make_event(f"req_{number % 10}", "t"))
    took = time.monotonic() - before
    await eventually(lambda: "cannot deliver" in caplog.text)
    await kafka_server.start()
    report = await face.close(MINUTE)

    events = await read_topic(kafka_server.address, "t", 200)
    assert took < 1.0
    assert report.lost == 0
    assert len(events) == 200
    assert all(order == sorted(order) for order in in_order(events).values())
    aiokafkas = [r for r in caplog.records if r.threadName == "daybook-client"]
    assert {record.name for record in aiokafkas} == {"daybook.client"}


@pytest.mark.parametrize(
    "pause_s",
    [
        pytest.param(0.0, id="briefly"),
        pytest.param(5.0, id="past_the_stall", marks=pytest.mark.fault),
    ],
)
async def test_a_broker_killed_midway_gets_every_event_in_order_of_its_key(
    make_face: Any,
    make_event: Any,
    kafka_server: ServerHandle,
    read_topic: Any,
    pause_s: float,
) -> None:
    await ensure_topics(kafka_server.address, [Topic("t", keyed_by="anything")])
    face = make_face(kafka_server.address, **QUICK)

    async def publish() -> None:
        for number in range(4_000):
            face.publish(make_event(f"req_{number % 40}", "t"))
            if number % 10 == 0:
                await asyncio.sleep(0.001)

    publishing = asyncio.create_task(publish())
    await eventually(lambda: face.stats.delivered > 500, every=0.001)
    await kafka_server.kill()
    # How long it is away decides what the client does: repeat, or connect anew.
    await asyncio.sleep(pause_s)
    await kafka_server.start()
    await publishing
    report = await face.close(MINUTE)

    events = await read_topic(kafka_server.address, "t", 4_000)
    assert report.lost == 0
    assert face.stats.delivered == 4_000
    assert {event["sequence"] for event in events} == set(range(1, 4_001))
    assert all(order == sorted(order) for order in in_order(events).values())


@pytest.mark.fault
async def test_a_broker_that_hangs_costs_its_host_nothing_and_loses_nothing(
    make_face: Any, make_event: Any, kafka_server: ServerHandle, read_topic: Any
) -> None:
    await ensure_topics(kafka_server.address, [Topic("t", keyed_by="anything")])
    face = make_face(kafka_server.address, **QUICK)
    face.publish(make_event(topic="t"))
    await eventually(lambda: face.stats.delivered == 1)

    kafka_server.freeze()
    calls: list[float] = []
    late: list[float] = []
    for number in range(1_000):
        before = time.perf_counter()
        face.publish(make_event(f"req_{number % 10}", "t"))
        published = time.perf_counter()
        await asyncio.sleep(0.005)
        calls.append(published - before)
        late.append(time.perf_counter() - published - 0.005)
    kafka_server.thaw()
    report = await face.close(MINUTE)

    events = await read_topic(kafka_server.address, "t", 1_001)
    assert sorted(calls)[990] < 0.01
    assert sorted(late)[990] < 0.05
    assert report.lost == 0
    assert {event["sequence"] for event in events} == set(range(1, 1_002))
    assert all(order == sorted(order) for order in in_order(events).values())


async def test_without_room_the_oldest_make_way(
    make_face: Any, make_event: Any, nowhere: str
) -> None:
    face = make_face(nowhere, max_queue_events=100)

    for number in range(250):
        face.publish(make_event(f"req_{number}"))

    assert face.stats.queued == 100
    assert face.stats.dropped == {"queue_full": 150}
    kept = [waiting.key.decode() for waiting in _backlog(face)]
    assert kept == [f"req_{number}" for number in range(150, 250)]


async def test_the_queue_is_bounded_in_bytes_too(
    make_face: Any, make_event: Any, nowhere: str
) -> None:
    face = make_face(nowhere, max_queue_bytes=200_000)

    for number in range(100):
        body = {"body": "x" * 10_000}
        face.publish(make_event(f"req_{number}", request=body))

    assert 12 <= face.stats.queued <= 19
    assert face.stats.dropped == {"queue_full": 100 - face.stats.queued}


async def test_an_event_larger_than_the_queue_makes_nobody_go(
    make_face: Any, make_event: Any, nowhere: str
) -> None:
    face = make_face(nowhere, max_queue_bytes=50_000)
    face.publish(make_event("small"))

    face.publish(make_event("huge", request={"body": "x" * 60_000}))

    assert [waiting.key for waiting in _backlog(face)] == [b"small"]
    assert face.stats.dropped == {"queue_full": 1}


async def test_drops_are_logged_once_a_minute_with_their_number(
    make_face: Any, make_event: Any, nowhere: str, caplog: pytest.LogCaptureFixture
) -> None:
    now = [1_000.0]
    face = make_face(nowhere, max_queue_events=1, stopwatch=lambda: now[0])

    def said() -> list[str]:
        return [m for m in caplog.messages if m.startswith("dropped")]

    for _ in range(50):
        face.publish(make_event())
    assert said() == ["dropped 1 audit events (queue_full: 1)"]
    now[0] += 59
    face.publish(make_event())
    assert len(said()) == 1
    now[0] += 1
    face.publish(make_event())
    assert said()[1:] == ["dropped 50 audit events (queue_full: 50)"]


async def test_what_was_not_said_yet_is_said_when_its_minute_is_over(
    make_face: Any, make_event: Any, nowhere: str, caplog: pytest.LogCaptureFixture
) -> None:
    now = [1_000.0]
    face = make_face(nowhere, max_queue_events=1, stopwatch=lambda: now[0])
    for _ in range(3):
        face.publish(make_event())

    now[0] += 60

    await eventually(lambda: "dropped 1 audit events (queue_full: 1)" in caplog.text)


async def test_an_unreachable_broker_is_logged_once_a_minute(
    make_face: Any, nowhere: str, caplog: pytest.LogCaptureFixture
) -> None:
    now = [1_000.0]
    attempts = [0]

    def stopwatch() -> float:
        attempts[0] += 1
        return now[0]

    caplog.set_level(logging.INFO)
    face = make_face(nowhere, stopwatch=stopwatch)

    await face.start()
    await eventually(lambda: attempts[0] >= 4)
    assert len(caplog.records) == 1
    now[0] += 60
    await eventually(lambda: len(caplog.records) == 2)


async def test_blocking_waits_for_room_until_its_time_is_over(
    make_face: Any, make_event: Any, nowhere: str
) -> None:
    face = make_face(nowhere, when_full="block", max_queue_events=2)
    assert await face.publish_wait(make_event("a"))
    assert await face.publish_wait(make_event("b"))

    taken = await face.publish_wait(make_event("c"), timeout=timedelta(milliseconds=50))

    assert not taken
    assert [waiting.key for waiting in _backlog(face)] == [b"a", b"b"]
    assert face.stats.dropped == {"queue_full": 1}


async def test_blocking_goes_on_as_soon_as_there_is_room(
    make_face: Any,
    make_event: Any,
    kafka_bootstrap: str,
    unique_topic: str,
    read_topic: Any,
) -> None:
    face = make_face(kafka_bootstrap, when_full="block", max_queue_events=5)

    taken = [
        await face.publish_wait(make_event(topic=unique_topic), timeout=MINUTE)
        for _ in range(60)
    ]
    await face.close(MINUTE)

    events = await read_topic(kafka_bootstrap, unique_topic, 60)
    assert all(taken)
    assert [event["sequence"] for event in events] == list(range(1, 61))


async def test_closing_without_a_broker_ends_in_time_and_says_what_is_lost(
    make_face: Any, make_event: Any, nowhere: str, caplog: pytest.LogCaptureFixture
) -> None:
    face = make_face(nowhere)
    for _ in range(7):
        face.publish(make_event())

    before = time.monotonic()
    report = await face.close(timedelta(milliseconds=300))

    assert time.monotonic() - before < 3
    assert report.lost == 7
    assert face.stats.dropped == {"closed": 7}
    assert face.stats.queued == 0
    assert "dropped 7 audit events (closed: 7)" in caplog.text


async def test_closing_while_the_broker_hangs_ends_in_time(
    make_face: Any, make_event: Any, kafka_server: ServerHandle
) -> None:
    await ensure_topics(kafka_server.address, [Topic("t", keyed_by="anything")])
    connected = make_face(kafka_server.address)
    connected.publish(make_event(topic="t"))
    await eventually(lambda: connected.stats.delivered == 1)
    connecting = make_face(kafka_server.address)

    kafka_server.freeze()
    before = time.monotonic()
    for face in (connected, connecting):
        face.publish(make_event(topic="t"))
        report = await face.close(timedelta(milliseconds=500))
        assert report.lost == 1

    assert time.monotonic() - before < 6


def _backlog(face: Any) -> list[Any]:
    core = getattr(face, "client", face)._core
    lanes = core.backlog._lanes.values()
    return sorted((w for lane in lanes for w in lane), key=lambda w: w.order)
