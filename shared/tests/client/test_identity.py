"""Sources, sequences and forks; what cannot be published; construction."""

import inspect
import json
import os
from datetime import timedelta
from typing import Any

import pytest
from daybook import Client, SyncClient

FORKING = """
    import json, os, sys, time
    from datetime import timedelta
    from daybook import SyncClient
    from daybook.events.request import RequestCompleted

    class Elsewhere(RequestCompleted):
        topic = sys.argv[2]

    client = SyncClient(sys.argv[1], source="shop", project_id="demo")
    publish = lambda: client.publish(
        Elsewhere(request_id="req_1", method="GET", url="https://shop.example/")
    )
    publish()
    while client.stats.delivered < 1:
        time.sleep(0.01)
    # Locks held at the fork, and an event that is the parent's to deliver.
    with client._core.backlog._lock, client._core._counts._lock:
        children = [os.fork() for _ in range(1)]
        if children[0]:
            children.append(os.fork())
    if 0 in children:
        for _ in range(3):
            publish()
    else:
        publish()
    report = client.close(timedelta(seconds=30))
    print(json.dumps([client.source, client.stats.delivered, report.lost]), flush=True)
    if 0 not in children:
        for child in children:
            os.waitpid(child, 0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the machine has no fork")
async def test_each_child_of_a_fork_has_its_own_instance_sequence_and_queue(
    kafka_bootstrap: str, unique_topic: str, read_topic: Any, run_python: Any
) -> None:
    ran = await run_python(FORKING, kafka_bootstrap, unique_topic)

    assert ran.err == ""
    said = [json.loads(line) for line in ran.out.splitlines()]
    assert sorted(delivered for _, delivered, _ in said) == [2, 3, 3]
    assert [lost for _, _, lost in said] == [0, 0, 0]
    assert len({source for source, _, _ in said}) == 3
    events = await read_topic(kafka_bootstrap, unique_topic, 8)
    assert len(events) == 8
    for source, delivered, _ in said:
        mine = [event["sequence"] for event in events if event["source"] == source]
        assert mine == list(range(1, delivered + 1))


FORGETTING = """
    import atexit, sys
    from datetime import timedelta
    from daybook import SyncClient
    from daybook.events.request import RequestCompleted

    class Elsewhere(RequestCompleted):
        topic = sys.argv[2]

    client = SyncClient(
        sys.argv[1],
        source="shop",
        project_id="demo",
        exit_timeout=timedelta(seconds=float(sys.argv[3])),
    )
    # Registered first, so run last.
    atexit.register(lambda: print(client.stats.delivered))
    client.publish(
        Elsewhere(request_id="req_1", method="GET", url="https://shop.example/")
    )
"""


async def test_a_client_that_nobody_closed_flushes_as_the_interpreter_exits(
    kafka_bootstrap: str, unique_topic: str, run_python: Any
) -> None:
    ran = await run_python(FORGETTING, kafka_bootstrap, unique_topic, "20")

    assert (ran.code, ran.out, ran.err) == (0, "1\n", "")


async def test_the_interpreter_exits_soon_while_the_broker_is_away(
    nowhere: str, run_python: Any
) -> None:
    ran = await run_python(FORGETTING, nowhere, "topic", "0.2")

    assert (ran.code, ran.out) == (0, "0\n")
    assert "dropped 1 audit events (closed: 1)" in ran.err
    assert "Traceback" not in ran.err


async def test_a_dropped_event_leaves_a_gap_in_the_sequence(
    make_face: Any,
    make_event: Any,
    kafka_bootstrap: str,
    unique_topic: str,
    read_topic: Any,
) -> None:
    face = make_face(kafka_bootstrap)

    face.publish(make_event(topic=unique_topic))
    face.publish(make_event(topic=unique_topic), project_id="no such id!")
    face.publish(make_event(topic=unique_topic))

    events = await read_topic(kafka_bootstrap, unique_topic, 2)
    assert [event["sequence"] for event in events] == [1, 3]
    assert face.stats.dropped == {"invalid_project": 1}


@pytest.mark.parametrize(
    ("spoiled", "reason"),
    [
        ({"topic": "no topic"}, "invalid_topic"),
        ({"topic": ".."}, "invalid_topic"),
        ({"url": "x" * 5_000_000}, "too_large"),
    ],
)
async def test_what_cannot_be_published_is_counted_by_its_reason(
    make_face: Any, make_event: Any, nowhere: str, spoiled: Any, reason: str
) -> None:
    face = make_face(nowhere)

    face.publish(make_event(**spoiled))

    assert face.stats.dropped == {reason: 1}
    assert face.stats.published == 1


async def test_an_event_without_a_project_is_counted(
    make_face: Any, make_event: Any, nowhere: str
) -> None:
    face = make_face(nowhere, project_id=None)

    face.publish(make_event())

    assert face.stats.dropped == {"invalid_project": 1}


@pytest.mark.parametrize("face", [Client, SyncClient])
@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"bootstrap_servers": "kafka"}, "host:port"),
        ({"bootstrap_servers": ""}, "host:port"),
        ({"source": ""}, "source"),
        ({"source": "a service"}, "source"),
        ({"project_id": "a project"}, "project_id"),
        ({"when_full": "panic"}, "when_full"),
        ({"max_queue_events": 0}, "room"),
        ({"security_protocol": "TLS"}, "security_protocol"),
        ({"security_protocol": "SSL"}, "ssl_context"),
        ({"security_protocol": "SASL_PLAINTEXT"}, "credentials"),
    ],
)
def test_what_could_never_work_is_said_at_construction(
    face: Any, arguments: dict[str, Any], word: str
) -> None:
    given = {"bootstrap_servers": "kafka:9092", "source": "shop"} | arguments
    servers = given.pop("bootstrap_servers")

    with pytest.raises(ValueError, match=word):
        face(servers, **given)


@pytest.mark.parametrize("face", [Client, SyncClient])
async def test_a_client_is_made_from_the_environment(
    face: Any, make_event: Any, nowhere: str
) -> None:
    environ = {
        "KAFKA_BOOTSTRAP_SERVERS": f"{nowhere}, {nowhere}",
        "DAYBOOK_SOURCE": "shop",
        "DAYBOOK_PROJECT_ID": "demo",
    }

    made = face.from_env(environ, max_queue_events=1)
    made.publish(make_event())

    assert made.source.startswith("shop/")
    assert made.stats.queued == 1  # so it has a project
    closing = made.close(timedelta(0))
    if inspect.isawaitable(closing):
        await closing
    with pytest.raises(ValueError, match="KAFKA_BOOTSTRAP_SERVERS and DAYBOOK_SOURCE"):
        face.from_env({})
