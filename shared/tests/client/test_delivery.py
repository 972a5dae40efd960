"""Both faces over a real broker that is well."""

import asyncio
from collections import defaultdict
from datetime import timedelta
from typing import Any

from daybook.testing import eventually

MINUTE = timedelta(minutes=1)


def sequences_by_key(events: list[dict[str, Any]]) -> dict[str, list[int]]:
    """Each key's sequence numbers as they arrived, a repeated event once."""
    seen: set[str] = set()
    by_key: dict[str, list[int]] = defaultdict(list)
    for event in events:
        if event["id"] not in seen:
            seen.add(event["id"])
            by_key[event["subject"]].append(event["sequence"])
    return by_key


async def test_what_is_published_arrives_once_each_key_in_its_order(
    make_face: Any,
    make_event: Any,
    kafka_bootstrap: str,
    unique_topic: str,
    read_topic: Any,
) -> None:
    face = make_face(kafka_bootstrap)

    for number in range(3_000):
        face.publish(make_event(f"req_{number % 50}", unique_topic))
    report = await face.close(MINUTE)

    events = await read_topic(kafka_bootstrap, unique_topic, 3_000)
    assert report.lost == 0
    assert len(events) == 3_000
    assert {event["source"] for event in events} == {face.source}
    assert sorted(event["sequence"] for event in events) == list(range(1, 3_001))
    assert all(order == sorted(order) for order in sequences_by_key(events).values())
    assert (face.stats.published, face.stats.delivered) == (3_000, 3_000)
    assert face.stats.queued == 0
    assert not face.stats.dropped


async def test_an_event_arrives_without_anybody_starting_or_closing_the_client(
    make_face: Any, make_event: Any, kafka_bootstrap: str, unique_topic: str
) -> None:
    face = make_face(kafka_bootstrap)

    face.publish(make_event(topic=unique_topic))

    await eventually(lambda: face.stats.delivered == 1)


async def test_an_idle_client_delivers_the_next_event_at_once(
    make_face: Any, make_event: Any, kafka_bootstrap: str, unique_topic: str
) -> None:
    face = make_face(kafka_bootstrap)
    face.publish(make_event(topic=unique_topic))
    await eventually(lambda: face.stats.delivered == 1)

    for number in range(2, 12):
        face.publish(make_event(topic=unique_topic))
        await eventually(lambda n=number: face.stats.delivered == n, 2, every=0.005)


async def test_a_record_that_the_broker_refuses_is_dropped_and_holds_nobody_up(
    make_face: Any,
    make_event: Any,
    kafka_bootstrap: str,
    make_topic: Any,
    read_topic: Any,
) -> None:
    topic = await make_topic(partitions=1, max_message_bytes=20_000)
    face = make_face(kafka_bootstrap)
    # Random letters: zstd makes them small, not small enough.
    noise = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(30_000))

    for number in range(20):
        body = {"body": noise} if number in (7, 13) else {}
        face.publish(make_event(f"req_{number}", topic, request=body))
    report = await face.close(MINUTE)

    events = await read_topic(kafka_bootstrap, topic, 18)
    keys = [event["subject"] for event in events]
    assert keys == [f"req_{n}" for n in range(20) if n not in (7, 13)]
    assert report.lost == 0
    assert face.stats.dropped == {"refused": 2}
    assert face.stats.delivered == 18


async def test_a_topic_that_does_not_exist_holds_up_its_own_events_only(
    make_face: Any,
    make_event: Any,
    kafka_bootstrap: str,
    unique_topic: str,
    random_name: Any,
) -> None:
    face = make_face(kafka_bootstrap, request_timeout=timedelta(seconds=2))

    face.publish(make_event(topic=random_name("missing")))
    for number in range(1, 11):
        face.publish(make_event(topic=unique_topic))
        await eventually(lambda n=number: face.stats.delivered == n, 2, every=0.01)

    assert face.stats.queued == 1


async def test_a_topic_made_later_gets_what_waited_for_it(
    make_face: Any, make_event: Any, kafka_bootstrap: str, random_name: Any
) -> None:
    from daybook.events.topics import Topic
    from daybook.runtime.kafka_topics import ensure_topics

    name = random_name("later")
    face = make_face(kafka_bootstrap)
    face.publish(make_event(topic=name))
    face.publish(make_event(topic=name))

    await ensure_topics(kafka_bootstrap, [Topic(name, keyed_by="anything")])

    await eventually(lambda: face.stats.delivered == 2, 20)


async def test_threads_publish_side_by_side(
    make_face: Any,
    make_event: Any,
    kafka_bootstrap: str,
    unique_topic: str,
    read_topic: Any,
) -> None:
    face = make_face(kafka_bootstrap)

    def publish(thread: int) -> None:
        for _ in range(500):
            face.publish(make_event(f"thread_{thread}", unique_topic))

    await asyncio.gather(*(asyncio.to_thread(publish, n) for n in range(4)))
    await face.close(MINUTE)

    events = await read_topic(kafka_bootstrap, unique_topic, 2_000)
    assert sorted(event["sequence"] for event in events) == list(range(1, 2_001))
    assert all(order == sorted(order) for order in sequences_by_key(events).values())


async def test_one_client_serves_one_event_loop_after_the_other(
    make_face: Any, make_event: Any, kafka_bootstrap: str, unique_topic: str
) -> None:
    face = make_face(kafka_bootstrap)

    async def publish() -> None:
        face.publish(make_event(topic=unique_topic))

    for _ in range(2):
        await asyncio.to_thread(lambda: asyncio.run(publish()))

    await eventually(lambda: face.stats.delivered == 2)


async def test_an_event_published_while_closed_is_counted_not_raised(
    make_face: Any, make_event: Any, kafka_bootstrap: str
) -> None:
    face = make_face(kafka_bootstrap)
    await face.close()

    face.publish(make_event())

    assert face.stats.dropped == {"closed": 1}
    assert (await face.close()).lost == 0
