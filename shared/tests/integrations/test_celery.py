"""A Celery application in processes of its own, as Daybook sees it in Kafka."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from daybook.testing.task_topic import ensure_task_topic, kinds, read_task_events

SHOP = """
    import os, signal, time
    from datetime import timedelta
    from celery import Celery
    from celery.exceptions import Ignore
    from daybook import SyncClient
    from daybook.integrations.celery import current_run, instrument

    app = Celery("billing", broker="filesystem://", set_as_current=False)
    app.conf.update(
        broker_transport_options={
            "data_folder_in": "queue", "data_folder_out": "queue",
            "control_folder": "control",
        },
        broker_connection_retry_on_startup=True,
        worker_prefetch_multiplier=1,
    )
    client = SyncClient(
        os.environ["KAFKA"],
        source="billing",
        project_id=os.environ["PROJECT"],
        exit_timeout=timedelta(seconds=20),
    )
    instrument(
        app,
        client,
        heartbeat=timedelta(seconds=0.2),
        links=lambda call: {"request_id": call.headers.get("request_id")},
    )

    @app.task(name="add")
    def add(a, b):
        return a + b

    @app.task(name="count", ignore_result=True)
    def count(rows):
        current_run().advance(done=rows - 1, failed=[{"row": rows, "reason": "last"}])
        current_run().message = "counted"

    @app.task(name="break")
    def broken(secret):
        raise RuntimeError("https://bank.example/?token=" + secret)

    @app.task(name="flaky", bind=True, max_retries=3)
    def flaky(self):
        if self.request.retries < 2:
            raise self.retry(exc=OSError("busy"), countdown=0)

    @app.task(
        name="hopeless", autoretry_for=(OSError,), max_retries=1, default_retry_delay=0
    )
    def hopeless():
        raise OSError("never")

    @app.task(name="child")
    def child():
        pass

    @app.task(name="parent")
    def parent():
        child.delay()

    @app.task(name="slow", soft_time_limit=0.5)
    def slow():
        time.sleep(60)

    @app.task(name="slower", time_limit=1)
    def slower():
        time.sleep(60)

    @app.task(name="ignored")
    def ignored():
        raise Ignore()

    @app.task(name="dies", bind=True)
    def dies(self):
        while client.stats.queued:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)

    @app.task(name="endless")
    def endless():
        while True:
            time.sleep(0.1)
"""


@dataclass(frozen=True)
class Place:
    """A folder with the application and its queue, and where it publishes."""

    folder: Path
    bootstrap: str
    project: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "KAFKA": self.bootstrap,
            "PROJECT": self.project,
            "PYTHONPATH": str(self.folder),
        }

    def call(self, script: str) -> list[str]:
        """Run a script that calls tasks, to its end; the lines that it printed."""
        ran = subprocess.run(  # noqa: S603 - our own interpreter and script
            [sys.executable, "-c", f"from billing import *\n{textwrap.dedent(script)}"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        return ran.stdout.split()

    def start_worker(self) -> "subprocess.Popen[bytes]":
        with (self.folder / "worker.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own interpreter
                [
                    *(sys.executable, "-m", "celery", "-A", "billing", "worker"),
                    *("--pool", "prefork", "--concurrency", "2"),
                    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
                ],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def read(
        self, enough: Callable[[list[dict[str, Any]]], bool]
    ) -> list[dict[str, Any]]:
        reading = read_task_events(self.bootstrap, self.project, enough, within=120)
        return asyncio.run(reading)


def make_place(folder: Path, bootstrap: str) -> Place:
    (folder / "billing.py").write_text(textwrap.dedent(SHOP))
    (folder / "queue").mkdir()
    (folder / "control").mkdir()
    asyncio.run(ensure_task_topic(bootstrap))
    return Place(folder, bootstrap, f"celery-{folder.name}-{os.getpid()}")


def kill_all(worker: "subprocess.Popen[bytes]") -> None:
    """SIGKILL the worker and its pool, and return when they are gone."""
    if worker.poll() is not None:
        return
    parent = psutil.Process(worker.pid)
    pool = parent.children(recursive=True)
    for process in (parent, *pool):  # the parent first: it would replace a lost one
        process.kill()
    worker.wait(30)
    psutil.wait_procs(pool, timeout=30)


Story = dict[str, list[dict[str, Any]]]

CALLS = """
    from celery import chain
    from daybook.client.tracing import InTrace
    traced = InTrace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    calls = {"parent": parent.delay(), "traced": flaky.delay()}
    traced.put_back()
    calls |= {
        "add": add.apply_async((2, 3), headers={"request_id": "req_7"}),
        "count": count.delay(5),
        "broken": broken.delay("hunter2"),
        "flaky": flaky.delay(),
        "hopeless": hopeless.delay(),
        "slow": slow.delay(),
        "slower": slower.delay(),
        "ignored": ignored.delay(),
        "dies": dies.delay(),
        "expired": add.apply_async((1, 1), expires=-1),
        "unknown": app.send_task("nobody.knows"),
    }
    last = chain(add.s(1, 2), add.s(3)).apply_async()
    calls["second"], calls["first"] = last, last.parent
    for name, result in calls.items():
        print(name, result.id)
"""


@pytest.fixture(scope="module")
def story(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """What was told of each called task, once a worker has been through with all."""
    place = make_place(tmp_path_factory.mktemp("story"), kafka_bootstrap)
    said = place.call(CALLS)
    names = dict(zip(said[1::2], said[0::2], strict=True))
    worker = place.start_worker()

    runs = {"flaky": 3, "traced": 3, "hopeless": 2}
    awaited = {(id, runs.get(name, 1)) for id, name in names.items()}

    def is_over(events: list[dict[str, Any]]) -> bool:
        over = {
            (event["subject"], event["data"]["run"])
            for event in events
            if kinds([event]) == ["finished"]
        }
        # One was called by another, in the worker.
        return awaited <= over and len({id for id, _ in over} - set(names)) == 1

    try:
        events = place.read(is_over)
        worker.send_signal(signal.SIGTERM)
        code = worker.wait(30)
    finally:
        kill_all(worker)
        log = (place.folder / "worker.log").read_text()
    assert code == 0, log
    told = {
        name: [event for event in events if event["subject"] == id]
        for id, name in names.items()
    }
    others = [event for event in events if event["subject"] not in names]
    return told | {"called by a task": others}


def outline(events: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """What was told of each run, without its signs of life, run by run."""
    order = ["enqueued", "started", "finished"]
    told = {
        (event["data"]["run"], order.index(kind))
        for event, kind in zip(events, kinds(events), strict=True)
        if kind != "progressed"
    }
    return [(order[kind], run) for run, kind in sorted(told)]


ONCE = [("enqueued", 1), ("started", 1), ("finished", 1)]
TWICE = [*ONCE, ("enqueued", 2), ("started", 2), ("finished", 2)]
THRICE = [*TWICE, ("enqueued", 3), ("started", 3), ("finished", 3)]
NEVER_RUN = [("enqueued", 1), ("finished", 1)]


def last(events: list[dict[str, Any]]) -> dict[str, Any]:
    ends = [event["data"] for event in events if kinds([event]) == ["finished"]]
    return max(ends, key=lambda end: end["run"])


@pytest.mark.parametrize(
    ("name", "told", "outcome", "message"),
    [
        ("add", ONCE, "DONE", None),
        ("count", ONCE, "DONE", "counted"),
        ("first", ONCE, "DONE", None),
        ("second", ONCE, "DONE", None),
        ("flaky", THRICE, "DONE", None),
        ("broken", ONCE, "FAILED", "RuntimeError: https://bank.example/?token=*******"),
        ("hopeless", TWICE, "FAILED", "OSError: never"),
        ("slow", ONCE, "FAILED", "SoftTimeLimitExceeded"),
        ("slower", ONCE, "FAILED", "TimeLimitExceeded"),
        ("dies", ONCE, "FAILED", "WorkerLostError"),
        ("ignored", ONCE, "DONE", "ignored"),
        ("expired", NEVER_RUN, "FAILED", "expired"),
        ("unknown", NEVER_RUN, "FAILED", "does not know it"),
    ],
)
def test_a_task_is_told_of_from_its_call_to_its_end(
    story: Story,
    name: str,
    told: list[tuple[str, int]],
    outcome: str,
    message: str | None,
) -> None:
    events = story[name]

    assert outline(events) == told
    end = last(events)
    assert end["outcome"] == outcome
    if message is None:
        assert "result" not in end
    else:
        assert message in end["result"]["message"]


def test_a_task_has_celerys_name_and_the_links_that_were_asked_for(
    story: Story,
) -> None:
    assert {event["data"]["task_type"] for event in story["add"]} == {"add"}
    assert {event["data"]["request_id"] for event in story["add"]} == {"req_7"}
    assert {event["data"]["task_type"] for event in story["unknown"]} == {
        "nobody.knows"
    }


def test_a_task_belongs_to_the_trace_of_who_called_it(story: Story) -> None:
    called_by_it = story["called by a task"]
    told = [*story["traced"], *story["parent"], *called_by_it]

    assert outline(story["traced"]) == THRICE
    assert kinds(called_by_it)[0] == "enqueued"
    traces = {event.get("traceparent") for event in told}
    assert traces == {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    assert not any("traceparent" in event for event in story["add"])


def test_a_retried_run_says_why_it_failed(story: Story) -> None:
    reasons = [
        event["data"]["result"]["message"]
        for event in story["flaky"]
        if kinds([event]) == ["finished"] and event["data"]["run"] < 3
    ]

    assert len(reasons) == 2
    assert all("busy" in reason for reason in reasons)


def test_a_task_tells_of_its_rows(story: Story) -> None:
    end = last(story["count"])

    assert (end["done_count"], end["failed_count"]) == (4, 1)
    rows = [row for e in story["count"] for row in e["data"].get("failed", [])]
    assert rows == [{"row": 5, "reason": "last"}]


def test_callers_and_workers_are_different_instances_of_one_service(
    story: Story,
) -> None:
    sources = {event["source"] for event in story["add"]}

    assert len(sources) == 2
    assert {source.partition("/")[0] for source in sources} == {"billing"}


def test_neither_arguments_nor_results_leave_the_process(story: Story) -> None:
    assert "hunter2" not in str(story)


def test_a_task_that_is_lost_with_its_whole_worker_has_no_end(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    place = make_place(tmp_path, kafka_bootstrap)
    (task_id,) = place.call("print(endless.delay().id)")
    worker = place.start_worker()

    try:
        place.read(lambda events: kinds(events).count("progressed") >= 3)
    finally:
        kill_all(worker)
    # Another task is called after whatever the lost one may still have said.
    place.call("endless.delay()")

    events = place.read(lambda events: kinds(events).count("enqueued") == 2)
    lost = [event for event in events if event["subject"] == task_id]
    assert kinds(lost)[:2] == ["enqueued", "started"]
    assert set(kinds(lost)[2:]) == {"progressed"}
    assert {event["data"]["heartbeat_s"] for event in lost[1:]} == {0.6}


def test_a_running_task_that_is_revoked_says_so(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    place = make_place(tmp_path, kafka_bootstrap)
    (task_id,) = place.call("print(endless.delay().id)")
    worker = place.start_worker()

    try:
        place.read(lambda events: "started" in kinds(events))
        place.call(f"app.control.revoke({task_id!r}, terminate=True)")
        events = place.read(lambda events: "finished" in kinds(events))
    finally:
        kill_all(worker)

    assert outline(events) == ONCE
    assert last(events)["outcome"] == "FAILED"
    assert last(events)["result"]["message"] == "it was revoked while it ran"


def test_an_eager_task_is_shown_as_it_runs(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    place = make_place(tmp_path, kafka_bootstrap)

    place.call("app.conf.task_always_eager = True\nadd.delay(1, 2)\ncount.delay(3)")

    events = place.read(lambda events: kinds(events).count("finished") == 2)
    for task_id in {event["subject"] for event in events}:
        assert outline([e for e in events if e["subject"] == task_id]) == ONCE


def test_a_heartbeat_that_could_never_work_is_said_at_once(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    place = make_place(tmp_path, kafka_bootstrap)

    said = place.call(
        """
        try:
            instrument(Celery("other"), client, heartbeat=timedelta(0))
        except ValueError as error:
            print(str(error).split()[0])
        print(current_run())
        """
    )

    assert said == ["heartbeat", "None"]
