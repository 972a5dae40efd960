"""Tasks of both faces over a real broker, and without one."""

import json
import os
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from daybook import Client, SyncClient
from daybook.testing import eventually
from daybook.testing.task_topic import ensure_task_topic, kinds, read_task_events

OFTEN = timedelta(milliseconds=100)


def has_finished(events: list[dict[str, Any]]) -> bool:
    return "finished" in kinds(events)


@pytest.mark.parametrize("face", [Client, SyncClient])
async def test_a_task_that_says_nothing_gives_signs_of_life_until_its_end(
    face: type[Client | SyncClient],
    kafka_bootstrap: str,
    random_name: Callable[[str], str],
) -> None:
    await ensure_task_topic(kafka_bootstrap)
    project = random_name("project")
    client = face(kafka_bootstrap, source="shop", project_id=project)

    def signs() -> int:
        return client.stats.delivered

    if isinstance(client, Client):
        async with client, client.task("CLEAN.UP", heartbeat=OFTEN) as task:
            await eventually(lambda: signs() >= 5)
    else:
        with client, client.task("CLEAN.UP", heartbeat=OFTEN) as task:
            await eventually(lambda: signs() >= 5)

    assert not [t for t in threading.enumerate() if t.name.startswith("daybook")]
    events = await read_task_events(kafka_bootstrap, project, has_finished)
    assert kinds(events)[:2] == ["enqueued", "started"]
    assert set(kinds(events)[2:-1]) == {"progressed"}
    assert kinds(events)[-1] == "finished"
    assert {event["subject"] for event in events} == {task.task_id}
    assert {event["data"].get("heartbeat_s") for event in events[1:-1]} == {0.3}


async def test_what_was_held_back_arrives_without_a_further_call(
    kafka_bootstrap: str, random_name: Callable[[str], str]
) -> None:
    await ensure_task_topic(kafka_bootstrap)
    project = random_name("project")

    async with (
        Client(kafka_bootstrap, source="shop", project_id=project) as client,
        client.task("VOUCHERS.IMPORT", heartbeat=None) as task,
    ):
        for row in range(1, 101):
            task.advance(done=1, failed=[{"row": row}])
        events = await read_task_events(
            kafka_bootstrap, project, lambda events: "progressed" in kinds(events)
        )

    assert kinds(events) == ["enqueued", "started", "progressed"]
    said = events[-1]["data"]
    assert (said["done_count"], said["failed_count"]) == (100, 100)
    assert [row["row"] for row in said["failed"]] == list(range(1, 101))


@pytest.mark.parametrize("when_full", ["drop_oldest", "block"])
def test_a_broker_that_is_away_neither_breaks_nor_slows_a_task(
    nowhere: str, when_full: Any
) -> None:
    client = SyncClient(nowhere, source="shop", project_id="demo", when_full=when_full)
    began = time.monotonic()

    with client.task("VOUCHERS.IMPORT", total=20_000) as task:
        for row in range(20_000):
            task.advance(done=1, failed=[{"row": row, "reason": "no"}])

    took = time.monotonic() - began
    client.close(timedelta(0))
    assert took < 2
    assert client.stats.published < 20
    assert set(client.stats.dropped) == {"closed"}


FORKING = """
    import json, os, sys
    from datetime import timedelta
    from daybook import SyncClient

    client = SyncClient(sys.argv[1], source="shop", project_id=sys.argv[2])
    child = 0
    with client.task("CLEAN.UP", task_id="parent", heartbeat=timedelta(seconds=0.1)):
        child = os.fork()
        if child == 0:
            with client.task("CLEAN.UP", task_id="child"):
                pass
    # The child leaves its parent's block too, and tells of its own task only.
    report = client.close(timedelta(seconds=30))
    if child:
        os.waitpid(child, 0)
    print(json.dumps([bool(child), client.stats.delivered, report.lost]), flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the machine has no fork")
async def test_the_child_of_a_fork_tells_nothing_of_its_parents_task(
    kafka_bootstrap: str, random_name: Callable[[str], str], run_python: Any
) -> None:
    await ensure_task_topic(kafka_bootstrap)
    project = random_name("project")

    ran = await run_python(FORKING, kafka_bootstrap, project)

    assert ran.err == ""
    said = [json.loads(line) for line in ran.out.splitlines()]
    assert [lost for _, _, lost in said] == [0, 0]
    assert [False, 3, 0] in said
    events = await read_task_events(
        kafka_bootstrap, project, lambda events: kinds(events).count("finished") == 2
    )
    for task_id in ("parent", "child"):
        of_task = [event for event in events if event["subject"] == task_id]
        assert kinds(of_task)[:2] == ["enqueued", "started"]
        assert kinds(of_task).count("finished") == 1
        assert len({event["source"] for event in of_task}) == 1
