"""The task-tracker over many tasks of twenty events each: ``make bench-tasks``.

A real Kafka and a real MongoDB; the tracker is a process of its own, reading a topic
that is already full. Twice: *live*, as a platform's tasks come, some hundreds at once
and each in its order; and *shuffled*, where no two events of a task come together.
CPU is of the tracker and of the database, between the first and the last event.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import httpx
from aiokafka import AIOKafkaProducer
from daybook.events.topics import Topic
from daybook.runtime.kafka_topics import ensure_topics
from daybook.testing.task_traffic import EVENTS_A_TASK, encoded, shuffled
from daybook_local.ports import Ports
from measuring import RESULTS, cpu_seconds, embedded, peak_resident_mb, row
from pymongo import AsyncMongoClient

TASKS = int(os.environ.get("BENCH_TASKS", "5000"))
EVENTS = TASKS * EVENTS_A_TASK
# Tasks that run at the same time in the live order.
AT_ONCE = 300
RESULT = RESULTS / "tasks.json"


@dataclass(frozen=True)
class Figures:
    """What one run of the tracker showed."""

    events_per_second: float
    cpu_us_per_event: float
    database_cpu_us_per_event: float
    peak_resident_mb: float


def live(tasks: int) -> list[tuple[int, int]]:
    """Some hundreds of tasks at once, each in its order."""
    order: list[tuple[int, int]] = []
    for first in range(0, tasks, AT_ONCE):
        running = range(first, min(first + AT_ONCE, tasks))
        order += [(task, nth) for nth in range(EVENTS_A_TASK) for task in running]
    return order


async def fill(bootstrap: str, topic: str, order: Iterable[tuple[int, int]]) -> None:
    """Put all events on the topic."""
    await ensure_topics(bootstrap, [Topic(topic, keyed_by="task id")])
    producer: Any = AIOKafkaProducer(
        bootstrap_servers=bootstrap, compression_type="zstd", linger_ms=20
    )
    async with producer:
        sent = [
            await producer.send(topic, value, key=key)
            for _, _, key, value in encoded(list(order))
        ]
        await asyncio.gather(*sent)


class Folded:
    """How many events a tracker has folded, by its own metrics."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}/metrics"

    async def reach(self, count: int) -> tuple[float, float]:
        """Wait for so many; the time, and how many there were."""
        deadline = time.monotonic() + 900
        async with httpx.AsyncClient() as http:
            while time.monotonic() < deadline:
                found = await self._ask(http)
                if found >= count:
                    return time.monotonic(), found
                await asyncio.sleep(0.02)
        raise TimeoutError(f"no {count} events after 900 s")

    async def _ask(self, http: httpx.AsyncClient) -> float:
        try:
            text = (await http.get(self._address)).text
        except httpx.TransportError:
            return 0
        for line in text.splitlines():
            if line.startswith('daybook_task_tracker_events_total{outcome="folded"}'):
                return float(line.split()[-1])
        return 0


async def measure(bootstrap: str, topic: str, uri: str, database_pid: int) -> Figures:
    """Run one tracker over the whole topic."""
    database, port = f"bench_{uuid.uuid4().hex[:8]}", Ports().take()
    environment = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "MONGODB_URI": uri,
        "DAYBOOK_MONGODB_DATABASE": database,
        "DAYBOOK_TASKS_TOPIC": topic,
        "DAYBOOK_TASK_TRACKER_GROUP_ID": f"bench-{uuid.uuid4().hex[:8]}",
        "DAYBOOK_HEALTH_PORT": str(port),
        "DAYBOOK_LOG_LEVEL": "ERROR",
    }
    process = subprocess.Popen(  # noqa: ASYNC220 - starting it blocks for a moment only
        [sys.executable, "-m", "task_tracker"], env=environment
    )
    pids = (process.pid, database_pid)
    folded = Folded(port)
    try:
        begun, already = await folded.reach(1)
        before = [cpu_seconds(pid) for pid in pids]
        ended, found = await folded.reach(EVENTS)
        used = [cpu_seconds(pid) - was for pid, was in zip(pids, before, strict=True)]
        peak = peak_resident_mb(process.pid)
    finally:
        process.kill()
        process.wait()  # it was killed
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri)
    async with client:
        done = await client[database]["tasks"].count_documents({"status": "DONE"})
        assert done == TASKS, f"{done} of {TASKS} tasks are done"
        await client.drop_database(database)
    counted = found - already
    return Figures(
        events_per_second=round(counted / (ended - begun)),
        cpu_us_per_event=round(used[0] / counted * 1e6, 1),
        database_cpu_us_per_event=round(used[1] / counted * 1e6, 1),
        peak_resident_mb=round(peak, 1),
    )


def main() -> None:
    """Measure, print the table, write the result."""
    orders = {"live": live(TASKS), "shuffled": shuffled(TASKS, repeated=0)}
    found: dict[str, Figures] = {}
    with embedded() as (bootstrap, uri, database_pid):
        row("order", "events/s", "CPU µs/event", "mongod µs/event", "peak MB")
        for name, order in orders.items():
            topic = f"bench-{name}"
            asyncio.run(fill(bootstrap, topic, order))
            found[name] = asyncio.run(measure(bootstrap, topic, uri, database_pid))
            row(name, *asdict(found[name]).values())
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    result = {
        "tasks": TASKS,
        "events": EVENTS,
        **{name: asdict(figures) for name, figures in found.items()},
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
