"""The webhook-dispatcher at offered rates: ``make bench-webhooks``.

A real Kafka, a real MongoDB, one dispatcher process and receivers in this one that
answer in 10 ms. Events are published open loop, each on its own time whatever comes
back, to one endpoint each of fifty. Two tables:

*Rates*: at 50, 200, 500 and 1,000 events a second, deliveries a second, CPU ms a
delivery of the dispatcher, updates and inserts of the database a delivery, and
p50/p95/p99 from an event's due time to its arrival.

*Fairness*: at 200 events a second to fifty healthy endpoints and fifty that hang, in
turn, the p99 of the healthy ones, over that of a run at 200 events a second without the
hanging ones; the median of alternating rounds. Beside it the same over a run of 100
events a second, in which each healthy endpoint gets what it gets beside the hanging
ones and nothing else happens: what the time-outs and their events cost together.

A ledger has to add up after each run: made = sent + failed + held + waiting.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
import uuid
from base64 import b64encode
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaProducer
from daybook.events.topics import Topic
from daybook.runtime.kafka_topics import ensure_topics
from daybook.storage.webhook_endpoints import VERSION_ID
from daybook.testing.receivers import Received, Receiver
from daybook.testing.records import webhook_event
from daybook.webhooks.sealing import Box, keys_from
from measuring import RESULTS, cpu_seconds, embedded, row
from pymongo import AsyncMongoClient

RATES = tuple(map(int, os.environ.get("BENCH_RATES", "50,200,500,1000").split(",")))
SECONDS = float(os.environ.get("BENCH_SECONDS", "20"))
PAIRS = int(os.environ.get("BENCH_PAIRS", "3"))
PAIR_SECONDS = float(os.environ.get("BENCH_PAIR_SECONDS", "60"))
FAIR_RATE = 200
ENDPOINTS = 50
ANSWER_S = 0.01
KEYS = "k1:" + b64encode(b"k" * 32).decode()
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of nobody
RESULT = RESULTS / "webhooks.json"


@dataclass(frozen=True)
class Figures:
    """What one run showed; times in ms."""

    offered: int
    delivered_per_second: float
    cpu_ms_per_delivery: float
    writes_per_delivery: float
    p50: float
    p95: float
    p99: float


class Clockwork:
    """When each event was due, and how long after that it arrived."""

    def __init__(self) -> None:
        self.due: dict[str, float] = {}
        self.took_ms: list[float] = []
        self.last = 0.0

    async def healthy(self, received: Received, writer: asyncio.StreamWriter) -> None:
        now = time.monotonic()
        event = json.loads(received.body)["event"]["id"]
        self.took_ms.append((now - self.due[event]) * 1000)
        self.last = now
        await asyncio.sleep(ANSWER_S)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


async def hang(_: Received, __: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()


class Run:
    """One dispatcher, its database, its topic and its endpoints."""

    def __init__(self, bootstrap: str, uri: str, client: Any) -> None:
        self.bootstrap = bootstrap
        self.topic = f"bench-{uuid.uuid4().hex[:8]}"
        self.name = f"bench_{uuid.uuid4().hex[:8]}"
        self.client = client
        self.database = client[self.name]
        self.environment = os.environ | {
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "MONGODB_URI": uri,
            "DAYBOOK_MONGODB_DATABASE": self.name,
            "DAYBOOK_WEBHOOKS_TOPIC": self.topic,
            "DAYBOOK_WEBHOOK_DISPATCHER_GROUP_ID": self.name,
            "DAYBOOK_SEALING_KEYS": KEYS,
            "DAYBOOK_WEBHOOK_PLAIN_HTTP": "true",
            "DAYBOOK_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "DAYBOOK_HEALTH_PORT": "0",
            "DAYBOOK_LOG_LEVEL": "ERROR",
        }

    async def endpoints(self, kind: str, url: str) -> None:
        """Fifty that ask for one event type each."""
        box = Box(keys_from(KEYS))
        collection = self.database["webhook_endpoints"]
        for number in range(ENDPOINTS):
            key = f"demo/we_{kind}_{number}"
            await collection.insert_one(
                {
                    "_id": key,
                    "project_id": "demo",
                    "id": f"we_{kind}_{number}",
                    "url": f"{url}/{number}",
                    "event_types": [f"{kind}.{number}"],
                    "active": True,
                    "secrets": [{"secret": box.seal(SECRET, key)}],
                    "headers": [],
                    "created_at": datetime.now(UTC) - timedelta(hours=1),
                }
            )
        raised = {"$inc": {"version": 1}}
        await collection.update_one({"_id": VERSION_ID}, raised, upsert=True)

    async def publish(
        self, clockwork: Clockwork, kinds: list[str], rate: int, seconds: float
    ) -> int:
        """Open loop: each event at its own time, in turn to each kind."""
        producer: Any = AIOKafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=2)
        count = int(rate * seconds)
        async with producer:
            begun = time.monotonic() + 0.2
            for number in range(count):
                due = begun + number / rate
                if (wait := due - time.monotonic()) > 0:
                    await asyncio.sleep(wait)
                kind = kinds[number % len(kinds)]
                identity = f"{kind}-{len(clockwork.due)}"
                clockwork.due[identity] = due
                event_type = f"{kind}.{(number // len(kinds)) % ENDPOINTS}"
                value = webhook_event(
                    id=identity, time=..., data={"event_type": event_type}
                )
                await producer.send(self.topic, value, key=identity.encode())
            await producer.flush()
        return count

    async def ledger(self) -> dict[str, int]:
        """Sendouts by status."""
        grouped: list[dict[str, Any]] = [
            {"$group": {"_id": "$status", "n": {"$sum": 1}}}
        ]
        async with await self.database["sendouts"].aggregate(grouped) as cursor:
            return {found["_id"]: found["n"] async for found in cursor}

    async def writes(self) -> int:
        counters = (await self.client.admin.command("serverStatus"))["opcounters"]
        return counters["insert"] + counters["update"]


async def measure(
    bootstrap: str, uri: str, rate: int, seconds: float, *, hanging: bool
) -> Figures:
    """Start everything, offer a rate, and add the ledger up."""
    clockwork = Clockwork()
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri, tz_aware=True)
    async with client, Receiver(clockwork.healthy) as well, Receiver(hang) as dead:
        run = Run(bootstrap, uri, client)
        await ensure_topics(bootstrap)
        await ensure_topics(bootstrap, [Topic(run.topic, keyed_by="event id")])
        await run.endpoints("well", well.url())
        if hanging:
            await run.endpoints("dead", dead.url())
        process = subprocess.Popen(  # noqa: ASYNC220 - blocks for a moment only
            [sys.executable, "-m", "webhook_dispatcher"], env=run.environment
        )
        try:
            await run.publish(clockwork, ["well"], 20, 3)  # until all is warm
            await reach(clockwork, 60)
            clockwork.took_ms.clear()
            writes, cpu = await run.writes(), cpu_seconds(process.pid)
            begun = time.monotonic()
            kinds = ["well", "dead"] if hanging else ["well"]
            # The healthy ones get the same in both.
            offered = rate * len(kinds)
            count = await run.publish(clockwork, kinds, offered, seconds)
            healthy = count // len(kinds)
            await reach(clockwork, healthy)
            took = sorted(clockwork.took_ms)
            used = cpu_seconds(process.pid) - cpu
            written = await run.writes() - writes
            made = sum((await run.ledger()).values())
            assert made == count + 60, f"{made} sendouts of {count + 60} events"
        finally:
            process.kill()
            process.wait()  # it was killed
        await client.drop_database(run.name)
    return Figures(
        offered=rate,
        delivered_per_second=round(healthy / (clockwork.last - begun), 1),
        cpu_ms_per_delivery=round(used / healthy * 1000, 2),
        writes_per_delivery=round(written / healthy, 2),
        p50=round(took[len(took) // 2], 1),
        p95=round(took[int(len(took) * 0.95)], 1),
        p99=round(took[int(len(took) * 0.99)], 1),
    )


async def reach(clockwork: Clockwork, count: int) -> None:
    """Wait until so many have arrived."""
    deadline = time.monotonic() + 300
    while len(clockwork.took_ms) < count:
        assert time.monotonic() < deadline, f"{len(clockwork.took_ms)} of {count}"
        await asyncio.sleep(0.02)


def main() -> None:
    """Measure, print the tables, write the result."""
    with embedded() as (bootstrap, uri, _):
        names = ("offered/s", "delivered/s", "CPU ms each", "writes each")
        row(*names, "p50 ms", "p95 ms", "p99 ms")
        rates: list[Figures] = []
        for rate in RATES:
            figures = asyncio.run(measure(bootstrap, uri, rate, SECONDS, hanging=False))
            rates.append(figures)
            row(*asdict(figures).values())
        over_same: list[float] = []
        over_half: list[float] = []
        for number in range(PAIRS):
            # Alternating, so that none always runs on the warmer machine.
            order = [
                (FAIR_RATE, False),
                (FAIR_RATE // 2, True),
                (FAIR_RATE // 2, False),
            ]
            p99: dict[tuple[int, bool], float] = {}
            for rate, hanging in order if number % 2 == 0 else reversed(order):
                figures = measure(bootstrap, uri, rate, PAIR_SECONDS, hanging=hanging)
                p99[rate, hanging] = asyncio.run(figures).p99
            same, beside, half = (p99[kind] for kind in order)
            over_same.append(round(beside / same, 3))
            over_half.append(round(beside / half, 3))
            row("p99 beside hanging", beside, "alone at 200/s", same, "at 100/s", half)
    fairness = {
        "median_ratio_of_p99": statistics.median(over_same) if over_same else None,
        "ratios": over_same,
        "median_over_half_the_load": statistics.median(over_half)
        if over_half
        else None,
        "ratios_over_half_the_load": over_half,
    }
    print(f"\np99 beside hanging endpoints over p99 without: {fairness}")
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    result = {
        "rates": [asdict(figures) for figures in rates],
        "fairness": fairness,
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
