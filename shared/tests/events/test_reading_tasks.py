"""What is read of a task's events, and what is refused."""

import json
from typing import Any

import pytest
from daybook.events import faults
from daybook.events.catalog import events_of
from daybook.events.reading import EventReader
from daybook.events.request import RequestCompleted
from daybook.events.task import (
    TaskEnqueued,
    TaskEvent,
    TaskFinished,
    TaskProgressed,
    TaskStarted,
)
from daybook.events.topics import TASKS
from daybook.testing.records import (
    TASK_DATA,
    FakeRecord,
    TaskKind,
    record_of,
    task_event,
)


@pytest.fixture
def reader() -> EventReader:
    return EventReader(events_of(TASKS))


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        ("enqueued", TaskEnqueued),
        ("started", TaskStarted),
        ("progressed", TaskProgressed),
        ("finished", TaskFinished),
    ],
)
def test_each_kind_is_read_whole(
    reader: EventReader, kind: TaskKind, event: type[TaskEvent]
) -> None:
    said = task_event(kind, data={"run": 2})

    read = reader.read(record_of(said))

    assert read.event is event
    assert read.data == TASK_DATA[kind] | {"run": 2}
    assert read.extra is None


def test_a_binary_mode_record_gives_the_same_event(reader: EventReader) -> None:
    said = task_event(data={"run": 2}, sequence="17")
    attributes = dict(said)
    data = attributes.pop("data")
    headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    headers = [header for header in headers if header[0] != "ce_datacontenttype"]
    content_type = ("content-type", b"application/json")
    binary = FakeRecord(json.dumps(data).encode(), (*headers, content_type))

    assert reader.read(binary) == reader.read(record_of(said))


def test_a_first_run_need_not_say_so(reader: EventReader) -> None:
    read = reader.read(record_of(task_event(data={"run": ...})))

    assert read.data.get("run", 1) == 1


@pytest.mark.parametrize(
    ("event", "fault", "word"),
    [
        (task_event(data={"task_id": ...}), faults.MissingField, "task_id"),
        (
            task_event(data={"task_id": ""}),
            faults.WrongType,
            "task_id: Value should have at least 1 character ",
        ),
        (
            task_event(data={"task_id": "x" * 257}),
            faults.WrongType,
            "task_id: Value should have at most 256 characters ",
        ),
        (task_event(data={"task_type": "x" * 257}), faults.WrongType, "task_type"),
        (task_event(data={"run": 0}), faults.WrongType, "run"),
        (task_event(data={"run": "1"}), faults.WrongType, "run"),
        (task_event(data={"heartbeat_s": 0}), faults.WrongType, "heartbeat_s"),
        (task_event(data={"done_count": -1}), faults.WrongType, "done_count"),
        (task_event(data={"failed_count": 2**64}), faults.NotStorable, "failed_count"),
        (task_event(data={"progress": 101}), faults.WrongType, "progress"),
        (task_event(data={"failed": [{"row": "4"}]}), faults.WrongType, "failed.0.row"),
        (task_event(data={"failed": {"row": 4}}), faults.WrongType, "failed"),
        (
            task_event("finished", data={"outcome": ...}),
            faults.MissingField,
            "outcome",
        ),
        (
            task_event("finished", data={"outcome": "CANCELLED"}),
            faults.WrongType,
            "outcome",
        ),
        (task_event(type="daybook.task.paused.v1"), faults.UnknownType, "paused"),
    ],
)
def test_a_spoiled_event_is_refused_with_its_reason(
    reader: EventReader, event: Any, fault: type[Exception], word: str
) -> None:
    with pytest.raises(fault, match=word):
        reader.read(record_of(event))


def test_a_task_among_the_requests_is_refused() -> None:
    with pytest.raises(faults.UnknownType, match=r"task\.progressed"):
        EventReader([RequestCompleted]).read(record_of(task_event()))
