"""Tasks by the thousand: each one's events, the same at every call, never stored."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from daybook.testing.reference_fold import Told

START = datetime(2026, 11, 25, 6, tzinfo=UTC)
EVENTS_A_TASK = 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where the broker appended one event."""

    timestamp: int
    topic: str
    partition: int
    offset: int


def task_events(task: int, *, failing: int = 10) -> list[dict[str, Any]]:
    """The twenty events of one task; one in ``failing`` tasks has failed rows and a
    second run."""
    random = Random(task)  # noqa: S311 - data
    fails = task % failing == 0
    total = EVENTS_A_TASK * 10
    begun = START + timedelta(seconds=random.random() * 7200)
    kinds = ["enqueued", "started", *["progressed"] * (EVENTS_A_TASK - 3), "finished"]
    if fails:
        kinds[9:12] = ["finished", "enqueued", "started"]
    events: list[dict[str, Any]] = []
    run = 1
    for number, kind in enumerate(kinds):
        if number and kind == "enqueued":
            run += 1
        data: dict[str, Any] = {"task_id": f"task-{task}", "run": run}
        if kind == "enqueued":
            data["task_type"] = f"TYPE.{task % 7}"
            data["user"] = {"id": f"u{task % 100}", "email": f"u{task % 100}@x.example"}
            data["request_id"] = f"req-{task}"
        if kind == "started":
            data |= {"heartbeat_s": 30, "total": total}
        if kind in ("progressed", "finished"):
            data |= {"done_count": number * 10, "failed_count": number if fails else 0}
            if fails:
                row = {"row": number, "reason": f"row {number} is bad"}
                data["failed"] = [row]
        if kind == "finished":
            ended_early = number < len(kinds) - 1
            data["outcome"] = "FAILED" if ended_early else "DONE"
            data["result"] = {"message": f"ended at {number}"}
        at = begun + timedelta(milliseconds=number * 250)
        events.append(
            {
                "specversion": "1.0",
                "id": f"e-{task}-{number}",
                "source": "bench/1",
                "type": f"daybook.task.{kind}.v1",
                "time": at.isoformat(),
                "projectid": "demo",
                "data": data,
            }
        )
    return events


def shuffled(tasks: int, *, repeated: float, seed: int = 1) -> list[tuple[int, int]]:
    """Every event of every task as (task, which), and some twice, in any order."""
    random = Random(seed)  # noqa: S311 - data
    all_of_them = [(t, n) for t in range(tasks) for n in range(EVENTS_A_TASK)]
    again = random.sample(all_of_them, int(len(all_of_them) * repeated))
    all_of_them += again
    random.shuffle(all_of_them)
    return all_of_them


def encoded(order: list[tuple[int, int]]) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Task, which, key and value of each event in ``order``."""
    tasks = {task for task, _ in order}
    values = {
        task: [json.dumps(event).encode() for event in task_events(task)]
        for task in tasks
    }
    for task, number in order:
        yield task, number, f"task-{task}".encode(), values[task][number]


def told(task: int, places: dict[tuple[int, int], Place]) -> list[Told]:
    """One task's events, each with the last place that the broker gave it."""
    return [
        Told(event, places[task, number])
        for number, event in enumerate(task_events(task))
    ]
