"""Ingest beside a bare loop over the same events, in one run: ``make bench-ingest``.

Both read the same topic of a real Kafka into collections of a real MongoDB with the
same indexes, each in a process of its own, in three alternating pairs. CPU and memory
are of the reading process alone, between the first and the last event that it stored,
so that starting up does not count. Events a second are bounded by the database, which
does more for ingest: the bare loop's documents have no references to index.
"""

import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from aiokafka import AIOKafkaProducer
from daybook.events.topics import Topic
from daybook.runtime.kafka_topics import ensure_topics
from daybook.storage.logs import ensure_logs
from daybook.storage.tiers import DEFAULT_TIERS, parse_tiers
from measuring import RESULTS, cpu_seconds, embedded, peak_resident_mb, row
from pymongo import AsyncMongoClient

EVENTS = int(os.environ.get("BENCH_EVENTS", "100000"))
PAIRS = int(os.environ.get("BENCH_PAIRS", "3"))
RESULT = RESULTS / "ingest.json"
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Figures:
    """What one run of one reader showed."""

    events_per_second: float
    cpu_us_per_event: float
    peak_resident_mb: float


def events(count: int) -> Iterator[bytes]:
    """Requests of 1.9 KB each, all different, the same in every run."""
    random = Random(1)
    for number in range(count):
        body = json.dumps({"code": f"V-{number}", "note": random.randbytes(150).hex()})
        side = {
            "headers": [
                ["host", "shop.example"],
                ["content-type", "application/json"],
                ["accept", "*/*"],
                ["user-agent", "python-httpx/0.28"],
            ],
            "content_type": "application/json",
            "body": body,
            "body_encoding": "utf-8",
            "body_size": len(body),
            "truncated": False,
        }
        failed = number % 10 == 0
        yield json.dumps(
            {
                "specversion": "1.0",
                "id": str(uuid.UUID(int=random.getrandbits(128))),
                "source": "shop/1",
                "type": "daybook.request.completed.v1",
                "time": f"2026-11-24T{number % 24:02}:{number % 60:02}:00.123Z",
                "subject": f"req_{number}",
                "projectid": "demo",
                "sequence": number,
                "data": {
                    "request_id": f"req_{number}",
                    "method": "POST",
                    "url": f"https://shop.example/v1/vouchers/V-{number}?x=1",
                    "endpoint": "POST /v1/vouchers/{code}",
                    "status_code": 404 if failed else 201,
                    "duration_ms": 12.5,
                    "channel": "API",
                    "user": {"id": f"cust_{number % 5000}", "email": "a@example.com"},
                    "api_key": {"id": "key_1", "name": "server", "kind": "server"},
                    "client_ip": "192.0.2.1",
                    "user_agent": "python-httpx/0.28",
                    "request": side,
                    "response": side,
                    "resource": {"type": "voucher", "id": f"V-{number}"},
                },
            }
        ).encode()


async def fill(bootstrap: str, topic: str) -> None:
    """Put all events on the topic."""
    # Ingest reads these too; nothing is on them.
    empty = [Topic(f"{topic}-{name}", keyed_by="id") for name in ("tasks", "webhooks")]
    await ensure_topics(bootstrap, [Topic(topic, keyed_by="request id"), *empty])
    producer: Any = AIOKafkaProducer(
        bootstrap_servers=bootstrap, compression_type="zstd", linger_ms=20
    )
    async with producer:
        sent = [
            await producer.send(topic, value, key=str(number).encode())
            for number, value in enumerate(events(EVENTS))
        ]
        await asyncio.gather(*sent)


def reader(kind: str, bootstrap: str, topic: str, uri: str, database: str) -> Any:
    """Start one reader; its group is its own, so it reads the topic from the start."""
    group = f"bench-{uuid.uuid4().hex[:8]}"
    environment = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "MONGODB_URI": uri,
        "DAYBOOK_MONGODB_DATABASE": database,
        "DAYBOOK_REQUESTS_TOPIC": topic,
        "DAYBOOK_TASKS_TOPIC": f"{topic}-tasks",
        "DAYBOOK_WEBHOOKS_TOPIC": f"{topic}-webhooks",
        "DAYBOOK_INGEST_GROUP_ID": group,
        "DAYBOOK_HEALTH_PORT": "0",
        "DAYBOOK_LOG_LEVEL": "WARNING",
    }
    command = [sys.executable, "-m", "ingest"]
    if kind == "bare loop":
        command = [sys.executable, str(HERE / "bare_loop.py")]
        named = {"bootstrap": bootstrap, "topic": topic, "group": group}
        for name, value in (named | {"uri": uri, "database": database}).items():
            command += [f"--{name}", value]
    return subprocess.Popen(command, env=environment)  # noqa: S603 - our own


async def measure(kind: str, bootstrap: str, topic: str, uri: str) -> Figures:
    """Run one reader over the whole topic."""
    database = f"bench_{uuid.uuid4().hex[:8]}"
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri)
    async with client:
        logs = client[database]["logs"]
        await ensure_logs(logs, parse_tiers(DEFAULT_TIERS))
        process = reader(kind, bootstrap, topic, uri, database)
        try:
            first = await watch(process.pid, logs, 1)
            last = await watch(process.pid, logs, EVENTS)
            peak = peak_resident_mb(process.pid)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert await logs.count_documents({}) == EVENTS
        await client.drop_database(database)
    stored = last[2] - first[2]
    return Figures(
        events_per_second=round(stored / (last[0] - first[0])),
        cpu_us_per_event=round((last[1] - first[1]) / stored * 1e6, 2),
        peak_resident_mb=round(peak, 1),
    )


async def watch(pid: int, logs: Any, count: int) -> tuple[float, float, int]:
    """Wait for this many documents; the time, the CPU seconds so far, and how many."""
    deadline = time.monotonic() + 600
    while (found := await logs.estimated_document_count()) < count:
        assert time.monotonic() < deadline, f"{found} of {count} events after 600 s"
        await asyncio.sleep(0.02)
    return time.monotonic(), cpu_seconds(pid), found


def main() -> None:
    """Measure, print the table, write the result."""
    runs: dict[str, list[Figures]] = {"ingest": [], "bare loop": []}
    with embedded() as (bootstrap, uri, _):
        topic = "bench-requests"
        asyncio.run(fill(bootstrap, topic))
        row("reader", "events/s", "CPU µs/event", "peak MB")
        for _ in range(PAIRS):
            for kind, figures in runs.items():
                one = asyncio.run(measure(kind, bootstrap, topic, uri))
                figures.append(one)
                row(kind, *map(str, asdict(one).values()))
    ratios = [
        bare.cpu_us_per_event / ours.cpu_us_per_event
        for ours, bare in zip(runs["ingest"], runs["bare loop"], strict=True)
    ]
    ratio = round(statistics.median(ratios), 3)
    print(f"\nratio_to_bare_loop (events per CPU second, median): {ratio}")
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    result = {
        "events": EVENTS,
        "ratio_to_bare_loop": ratio,
        "ratios": [round(one, 3) for one in ratios],
        "ingest": summary(runs["ingest"]),
        "bare_loop": summary(runs["bare loop"]),
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")


def summary(runs: list[Figures]) -> dict[str, Any]:
    """Medians, the peak of peaks, and every run."""
    return {
        "events_per_second": statistics.median(one.events_per_second for one in runs),
        "cpu_us_per_event": statistics.median(one.cpu_us_per_event for one in runs),
        "peak_resident_mb": max(one.peak_resident_mb for one in runs),
        "runs": [asdict(one) for one in runs],
    }


if __name__ == "__main__":
    main()
