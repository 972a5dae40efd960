"""What a run of a task tells, whatever its host does; time stands still here."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from daybook.client.task_run import LEAST_PAUSE_S, TaskRun
from daybook.client.tasks import SyncTask, Task
from daybook.events.request import User
from daybook.events.task import FailedRow, TaskEvent, TaskFinished, TaskProgressed
from daybook.events.writing import encode
from daybook.runtime.clock import utc_now
from daybook.storage.tasks import MOST_FAILED_ROWS
from daybook.testing.recording import RecordingClient


class Stopwatch:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def client(stopwatch: Stopwatch) -> RecordingClient:
    return RecordingClient(stopwatch=stopwatch)


def kinds(client: RecordingClient) -> list[str]:
    return [event.type.split(".")[2] for event in client.tasks]


def finished(client: RecordingClient) -> TaskFinished:
    event = client.tasks[-1]
    assert isinstance(event, TaskFinished)
    return event


def told_rows(client: RecordingClient) -> list[int | None]:
    """The numbers of the failed rows that events have carried."""
    return [
        row.row
        for event in client.tasks
        if isinstance(event, TaskProgressed | TaskFinished)
        for row in event.failed or []
    ]


async def test_a_run_tells_of_its_beginning_its_progress_and_its_end(
    client: RecordingClient, stopwatch: Stopwatch
) -> None:
    user = User(id="cust_1")

    async with client.task(
        "VOUCHERS.IMPORT",
        total=3,
        request_id="req_1",
        log_id="evt_1",
        user=user,
        import_file_id="imf_1",
    ) as task:
        stopwatch.now += 1
        task.advance(done=2, failed=[{"row": 3, "code": "A", "reason": "twice"}])
        task.message = "2 of 3"

    assert kinds(client) == ["enqueued", "started", "progressed", "finished"]
    links = {"task_id": task.task_id, "request_id": "req_1", "log_id": "evt_1"}
    for event in client.tasks:
        assert event.model_dump(include=set(links)) == links
        assert (event.task_type, event.run) == ("VOUCHERS.IMPORT", 1)
        assert (event.total, event.import_file_id, event.user) == (3, "imf_1", user)
    assert [event.heartbeat_s for event in client.tasks] == [None, 30, 30, None]
    progressed = client.tasks[2]
    assert isinstance(progressed, TaskProgressed)
    assert progressed.failed == [FailedRow(row=3, code="A", reason="twice")]
    end = finished(client)
    assert (end.outcome, end.operation_status) == ("DONE", "SUCCESS")
    assert (end.done_count, end.failed_count, end.failed) == (2, 1, None)
    assert end.result is not None
    assert end.result.message == "2 of 3"


def test_a_run_without_an_event_loop_tells_the_same(client: RecordingClient) -> None:
    with client.sync_task("CLEAN.UP", heartbeat=None) as task:
        pass

    assert kinds(client) == ["enqueued", "started", "finished"]
    assert {event.task_id for event in client.tasks} == {task.task_id}
    assert client.tasks[1].heartbeat_s is None
    assert finished(client).done_count is None


async def test_a_task_is_enqueued_here_and_run_there(client: RecordingClient) -> None:
    task_id = client.enqueue_task("VOUCHERS.IMPORT", total=1, request_id="req_1")
    assert kinds(client) == ["enqueued"]

    async with client.task("VOUCHERS.IMPORT", task_id=task_id, enqueued=True):
        pass

    assert kinds(client) == ["enqueued", "started", "finished"]
    assert {event.task_id for event in client.tasks} == {task_id}


async def test_a_run_that_goes_on_for_another_tells_of_what_comes_alone(
    client: RecordingClient,
) -> None:
    async with client.task("VOUCHERS.IMPORT", task_id="task_1", started=True) as task:
        task.advance(done=7)

    assert kinds(client) == ["progressed", "finished"]
    assert finished(client).done_count == 7


async def test_a_further_run_says_which_it_is(client: RecordingClient) -> None:
    async with client.task("VOUCHERS.IMPORT", task_id="task_1", run=2):
        pass

    assert {(event.task_id, event.run) for event in client.tasks} == {("task_1", 2)}


async def test_what_comes_too_often_is_held_back_and_in_the_next_event(
    client: RecordingClient, stopwatch: Stopwatch
) -> None:
    async with client.task("VOUCHERS.IMPORT") as task:
        for row in range(1, 101):
            stopwatch.now += 0.01  # a hundred rows a second
            task.advance(done=1, failed=[{"row": row}])

    progress = [event for event in client.tasks if isinstance(event, TaskProgressed)]
    assert len(progress) in (3, 4)
    assert [event.done_count for event in progress] == sorted(
        event.done_count or 0 for event in progress
    )
    assert (finished(client).done_count, finished(client).failed_count) == (100, 100)
    assert told_rows(client) == list(range(1, 101))


async def test_what_is_held_back_becomes_due(
    client: RecordingClient, stopwatch: Stopwatch
) -> None:
    async with client.task("VOUCHERS.IMPORT") as task:
        task.advance(done=5)
        task.beat()
        assert kinds(client) == ["enqueued", "started"]
        assert task.due_in() == pytest.approx(LEAST_PAUSE_S)

        stopwatch.now += LEAST_PAUSE_S
        task.beat()

        assert client.tasks[-1].done_count == 5


async def test_a_sign_of_life_is_due_where_nothing_else_was_said(
    client: RecordingClient, stopwatch: Stopwatch
) -> None:
    second = timedelta(seconds=1)

    async with client.task("VOUCHERS.IMPORT", heartbeat=second) as task:
        stopwatch.now += 0.9
        task.advance(done=1)
        stopwatch.now += 0.9
        task.beat()
        assert kinds(client)[2:] == ["progressed"]
        assert task.due_in() == pytest.approx(0.1)
        stopwatch.now += 0.1
        task.beat()

    stopwatch.now += 60
    task.beat()
    assert kinds(client)[2:] == ["progressed", "progressed", "finished"]
    assert (client.tasks[3].done_count, client.tasks[3].heartbeat_s) == (1, 3)


async def test_a_run_without_a_heartbeat_gives_no_sign(
    client: RecordingClient, stopwatch: Stopwatch
) -> None:
    async with client.task("VOUCHERS.IMPORT", heartbeat=None) as task:
        stopwatch.now += 3_600
        task.beat()

        assert task.due_in() is None
    assert kinds(client) == ["enqueued", "started", "finished"]


def test_of_many_failed_rows_the_lowest_are_told_and_all_are_counted(
    client: RecordingClient, stopwatch: Stopwatch
) -> None:
    with client.sync_task("VOUCHERS.IMPORT") as task:
        for row in reversed(range(1, 10_001)):
            stopwatch.now += 0.001
            task.advance(failed=[{"row": row, "reason": "no"}])
            task.beat()

    told = set(told_rows(client))
    assert set(range(1, MOST_FAILED_ROWS + 1)) <= told
    assert finished(client).failed_count == 10_000


def test_rising_failed_rows_are_told_a_thousand_times_at_most(
    client: RecordingClient, stopwatch: Stopwatch
) -> None:
    with client.sync_task("VOUCHERS.IMPORT") as task:
        for row in range(1, 10_001):
            stopwatch.now += 0.01
            task.advance(failed=[{"row": row}])

    assert told_rows(client) == list(range(1, MOST_FAILED_ROWS + 1))


def test_failed_rows_with_long_reasons_never_make_an_event_large(
    client: RecordingClient,
) -> None:
    with client.sync_task("VOUCHERS.IMPORT") as task:
        task.advance(
            failed=[
                {"row": row, "code": "\x00" * 900, "reason": "🎟️\x01" * 5_000}
                for row in range(1, 1_501)
            ]
        )

    assert told_rows(client) == list(range(1, MOST_FAILED_ROWS + 1))
    sizes = [size_of(event) for event in client.tasks]
    assert max(sizes) < 1024 * 1024
    assert len(sizes) < 40


def size_of(event: TaskEvent) -> int:
    record = encode(event, id="1", source="s", time=utc_now(), project_id="demo")
    return record.size


class UnsayableError(Exception):
    """Its text is a trap."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("row 7 is odd"), "ValueError: row 7 is odd"),
        (ValueError(), "ValueError"),
        (UnsayableError(), "UnsayableError"),
        (asyncio.CancelledError(), "it was cancelled"),
        (KeyboardInterrupt(), "it was interrupted (KeyboardInterrupt)"),
        (SystemExit(3), "its process was told to exit (SystemExit: 3)"),
        (
            OSError("mongodb://ann:pass@db/?password=hunter2"),
            "OSError: mongodb://ann:****@db/?password=*******",
        ),
    ],
)
@pytest.mark.parametrize("is_async", [True, False])
async def test_what_the_block_raises_fails_the_run_and_is_raised(
    client: RecordingClient, error: BaseException, reason: str, is_async: bool
) -> None:
    with pytest.raises(type(error)):  # noqa: PT012 - either kind of block
        if is_async:
            async with client.task("VOUCHERS.IMPORT") as task:
                task.advance(done=1)
                raise error
        else:
            with client.sync_task("VOUCHERS.IMPORT") as task:
                task.advance(done=1)
                raise error

    end = finished(client)
    assert (end.outcome, end.operation_status) == ("FAILED", "FAILED")
    assert end.done_count == 1
    assert end.result is not None
    assert end.result.message == reason


def test_a_long_reason_is_cut(client: RecordingClient) -> None:
    with (
        pytest.raises(ValueError, match="xxx"),
        client.sync_task("VOUCHERS.IMPORT"),
    ):
        raise ValueError("x" * 1_000_000)

    result = finished(client).result
    assert result is not None
    assert result.message is not None
    assert len(result.message) == 2_000


async def test_a_cancelled_task_says_so(client: RecordingClient) -> None:
    began = asyncio.Event()

    async def work() -> None:
        async with client.task("VOUCHERS.IMPORT"):
            began.set()
            await asyncio.Event().wait()

    working = asyncio.create_task(work())
    await began.wait()
    working.cancel()
    await asyncio.wait({working})

    assert working.cancelled()
    result = finished(client).result
    assert result is not None
    assert result.message == "it was cancelled"


def test_a_run_can_fail_without_an_exception(client: RecordingClient) -> None:
    with client.sync_task("VOUCHERS.IMPORT") as task:
        task.fail("the file is no CSV")

    end = finished(client)
    assert (end.outcome, end.operation_status) == ("FAILED", "FAILED")
    assert end.result is not None
    assert end.result.message == "the file is no CSV"


@pytest.mark.parametrize(
    ("done", "failed", "chosen", "expected"),
    [
        (0, 0, None, "SUCCESS"),
        (5, 1, None, "SUCCESS"),
        (0, 3, None, "FAILED"),
        (5, 1, "FAILED", "FAILED"),
        (0, 3, "UNKNOWN", "UNKNOWN"),
    ],
)
def test_a_done_task_failed_at_what_was_asked_when_every_row_failed(
    client: RecordingClient, done: int, failed: int, chosen: Any, expected: str
) -> None:
    with client.sync_task("VOUCHERS.IMPORT") as task:
        task.advance(done, [{"row": row} for row in range(failed)])
        task.operation_status = chosen

    end = finished(client)
    assert (end.outcome, end.operation_status) == ("DONE", expected)


@pytest.mark.parametrize(
    ("task_type", "options", "word"),
    [
        ("", {}, "task_type"),
        (None, {}, "task_type"),
        ("x" * 257, {}, "task_type"),
        ("X", {"task_id": ""}, "task_id"),
        ("X", {"task_id": 7}, "task_id"),
        ("X", {"run": 0}, "run"),
        ("X", {"total": -1}, "total"),
        ("X", {"total": "7"}, "total"),
        ("X", {"user": "ann"}, "user"),
        ("X", {"project_id": "no spaces"}, "project_id"),
        ("X", {"heartbeat": timedelta(0)}, "heartbeat"),
        ("X", {"heartbeat": timedelta(days=1_000)}, "heartbeat"),
        ("X", {"heartbeat": 10}, "heartbeat"),
    ],
)
def test_what_could_never_work_is_said_at_once(
    client: RecordingClient, task_type: Any, options: Any, word: str
) -> None:
    with pytest.raises(ValueError, match=word):
        client.task(task_type, **options)

    assert client.tasks == []


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"done": -1}, "done"),
        ({"done": 1.5}, "done"),
        ({"done": True}, "done"),
        ({"done": 2**63}, "done"),
        ({"progress": 101}, "progress"),
        ({"progress": "5"}, "progress"),
        ({"total": -1}, "total"),
        ({"done": 1, "failed": [{"line": 3}]}, "line"),
        ({"done": 1, "failed": [{"row": "3"}]}, "row"),
        ({"done": 1, "failed": ["row 3"]}, "mapping"),
        ({"failed": [{"row": 2**63}]}, "row"),
    ],
)
def test_a_wrong_argument_is_said_at_once_and_changes_nothing(
    client: RecordingClient, arguments: Any, word: str
) -> None:
    with client.sync_task("VOUCHERS.IMPORT") as task:
        with pytest.raises(ValueError, match=word):
            task.advance(**arguments)
        assert (task.done_count, task.failed_count) == (0, 0)


def test_a_wrong_message_or_status_is_said_at_once(client: RecordingClient) -> None:
    anything: Any = 7
    with client.sync_task("VOUCHERS.IMPORT") as task:
        with pytest.raises(ValueError, match="message"):
            task.message = anything
        with pytest.raises(ValueError, match="operation_status"):
            task.operation_status = anything
        with pytest.raises(ValueError, match="reason"):
            task.fail(anything)

    assert finished(client).outcome == "DONE"


def test_text_that_no_utf_8_can_hold_breaks_nobody(client: RecordingClient) -> None:
    with client.sync_task("VOUCHERS.IMPORT", task_id="t\ud800") as task:
        task.advance(failed=[{"code": "\udc00", "reason": "\ud83d"}])
        task.message = "\ud800"

    assert all(size_of(event) for event in client.tasks)


def test_a_run_begins_once_and_after_its_end_is_silent(client: RecordingClient) -> None:
    task = client.sync_task("VOUCHERS.IMPORT")
    task.advance(done=1)
    with task:
        pass

    task.advance(done=1)
    task.end()
    with pytest.raises(RuntimeError, match="once"):
        task.begin()

    assert kinds(client) == ["enqueued", "started", "finished"]
    assert finished(client).done_count is None


def test_a_run_that_is_forgotten_has_no_end(
    client: RecordingClient, stopwatch: Stopwatch
) -> None:
    with client.sync_task("VOUCHERS.IMPORT") as task:
        assert task.is_running
        task.forget()
        assert not task.is_running
        stopwatch.now += 60
        task.beat()

    assert kinds(client) == ["enqueued", "started"]


def test_both_faces_are_runs() -> None:
    assert issubclass(Task, TaskRun)
    assert issubclass(SyncTask, TaskRun)
