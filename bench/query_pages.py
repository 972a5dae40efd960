"""Pages of lists of logs and of tasks, by filter and depth: ``make bench-query``.

A real query process over a real MongoDB; a figure is the whole of one HTTP request, the
median of those at that depth. A constant time at any depth is what keyset cursors are
for. ``BENCH_LOGS`` and ``BENCH_TASKS`` say how many there are; none is not measured.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from daybook.storage.logs import INDEXES
from daybook.storage.tasks import TASK_INDEXES
from daybook.testing.stored_logs import stored_log
from daybook.testing.stored_tasks import stored_task
from daybook_local import servers
from daybook_local.ports import Ports
from measuring import wait_for
from pymongo import MongoClient
from query.keys import make_key, system_randomness

LOGS = int(os.environ.get("BENCH_LOGS", "1000000"))
TASKS = int(os.environ.get("BENCH_TASKS", "1000000"))
DEPTHS = (1, 10, 100, 1000)
RESULT = Path(".daybook/bench/query.json")
SPREAD = timedelta(days=30)

Filters = dict[str, dict[str, str]]

OF_LOGS: Filters = {
    "none": {},
    "status=FAILURE": {"status": "FAILURE"},
    "status=SUCCESS": {"status": "SUCCESS"},
    "status_code=5xx": {"status_code": "5xx"},
    "method=DELETE": {"method": "DELETE"},
    "channel=INTERNAL": {"channel": "INTERNAL"},
    "endpoint": {"endpoint": "GET /v1/vouchers/{code}"},
    "user": {"user": "u7"},
    "user, rare": {"user": "rare"},
    "user and FAILURE": {"user": "u7", "status": "FAILURE"},
    "api_key": {"api_key": "k3"},
    "resource_id": {"resource_id": "r-500"},
    "request_id": {"request_id": "req-log-999"},
    "request_id, nobody's": {"request_id": "nobody"},
}
OF_TASKS: Filters = {
    "none": {},
    "type, common": {"type": "VOUCHERS.IMPORT"},
    "type, rare": {"type": "RARE"},
    "type, nobody's": {"type": "NONE"},
    "status=DONE": {"status": "DONE"},
    "status=FAILED": {"status": "FAILED"},
    "status=IN_PROGRESS": {"status": "IN_PROGRESS"},
    "stalled": {"stalled": "true"},
    "FAILED, rare type": {"status": "FAILED", "type": "RARE"},
    "user": {"user": "u7"},
    "user, rare": {"user": "rare"},
    "request_id": {"request_id": "req-task-999"},
    "import_file_id": {"import_file_id": "file-7"},
    "progress=7": {"progress": "7"},
}


@dataclass(frozen=True, slots=True)
class Measured:
    """A list with what is in it, and what it is asked for."""

    path: str
    count: int
    filters: Filters


def logs(newest: datetime) -> Iterator[dict[str, Any]]:
    """Logs over thirty days: one in ten failed, a few users, one of them rare."""
    methods = ("GET", "GET", "GET", "POST", "DELETE")
    for number in range(LOGS):
        yield stored_log(
            f"log-{number}",
            newest - SPREAD * (number / LOGS),
            method=methods[number % 5],
            endpoint=f"{methods[number % 5]} /v1/vouchers/{{code}}",
            status_code=(404 if number % 20 else 500) if number % 10 == 0 else 200,
            channel="INTERNAL" if number % 50 == 0 else "API",
            user={"id": "rare" if number == LOGS // 2 else f"u{number % 100}"},
            api_key={"id": f"k{number % 10}"},
            resource={"type": "voucher", "id": f"r-{number % 1000}"},
        )


def tasks(newest: datetime) -> Iterator[dict[str, Any]]:
    """Tasks over thirty days: one in fifty failed, one in 5,000 of a rare type."""
    types = ("VOUCHERS.IMPORT", "CUSTOMERS.UPDATE", "CAMPAIGNS.GENERATE")
    for number in range(TASKS):
        status = "FAILED" if number % 50 == 0 else "DONE"
        if number % 1000 == 1:
            status = "IN_PROGRESS"
        yield stored_task(
            f"task-{number}",
            newest - SPREAD * (number / TASKS),
            task_type="RARE" if number % 5000 == 2 else types[number % 3],
            status=status,
            stalled=number % 20_000 == 1,
            progress=number % 100 if number % 1000 == 1 else 100,
            user={"id": "rare" if number == TASKS // 2 else f"u{number % 100}"},
            import_file_id=f"file-{number % 5000}" if number % 3 == 0 else None,
            total=1000,
            done_count=1000,
        )


def insert(collection: Any, documents: Iterable[dict[str, Any]]) -> None:
    """Insert all, in bulks."""
    bulk: list[dict[str, Any]] = []
    for document in documents:
        bulk.append(document)
        if len(bulk) == 5000:
            collection.insert_many(bulk, ordered=False)
            bulk.clear()
    if bulk:
        collection.insert_many(bulk, ordered=False)


def seed(database: Any, newest: datetime) -> None:
    """Indexes first, as they are where documents arrive one by one."""
    database["logs"].create_indexes(list(INDEXES))
    database["tasks"].create_indexes(list(TASK_INDEXES))
    insert(database["logs"], logs(newest))
    insert(database["tasks"], tasks(newest))


def pages(
    http: httpx.Client, path: str, filters: dict[str, str], since: str
) -> dict[int, float]:
    """Milliseconds of the page at each depth, as far as there are pages."""
    took: dict[int, float] = {}
    cursor: str | None = None
    recent: list[float] = []
    for depth in range(1, max(DEPTHS) + 1):
        parameters = filters | {"limit": "100", "created_at[after]": since}
        if cursor is not None:
            parameters["cursor"] = cursor
        started = time.perf_counter()
        answer = http.get(path, params=parameters)
        recent = [*recent[-4:], (time.perf_counter() - started) * 1000]
        answer.raise_for_status()
        if depth in DEPTHS:
            took[depth] = round(statistics.median(recent), 1)
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            break
    return took


def measure(
    address: str, key: str, since: str, of: Measured
) -> dict[str, dict[int, float]]:
    """Every filter at every depth, as a table on the way."""
    headers = {"authorization": f"Bearer {key}"}
    print(f"{of.path:>24}" + "".join(f"{f'page {depth}':>12}" for depth in DEPTHS))
    found: dict[str, dict[int, float]] = {}
    with httpx.Client(base_url=address, headers=headers, timeout=30) as http:
        for name, filters in of.filters.items():
            found[name] = took = pages(http, of.path, filters, since)
            cells = (f"{took.get(depth, '–'):>12}" for depth in DEPTHS)
            print(f"{name:>24}" + "".join(cells) + "  ms", flush=True)
    return found


def main() -> None:
    """Seed, start query, measure, write the result."""
    now = datetime.now(UTC)
    lists = (
        Measured("/v1/logs", LOGS, OF_LOGS),
        Measured("/v1/async-actions", TASKS, OF_TASKS),
    )
    stored, key = make_key("shop", "bench", now=now, randomness=system_randomness)
    with tempfile.TemporaryDirectory() as folder:
        mongodb = servers.mongodb_server(Path(folder))
        port = Ports().take()
        environment = os.environ | {"DAYBOOK_PORT": str(port)}
        try:
            mongodb.start_now()
            with MongoClient[dict[str, Any]](mongodb.address) as client:
                seed(client["daybook"], now)
                client["daybook"]["api_keys"].insert_one(
                    {
                        "_id": stored.id,
                        "project_id": "shop",
                        "name": "bench",
                        "secret_sha256": stored.secret_sha256,
                        "created_at": now,
                    }
                )
            process = subprocess.Popen(
                [sys.executable, "-m", "query"],
                env=environment
                | {"MONGODB_URI": mongodb.address, "DAYBOOK_LOG_LEVEL": "ERROR"},
            )
            try:
                address = f"http://127.0.0.1:{port}"
                wait_for(f"{address}/readyz")
                since = (now - SPREAD - timedelta(hours=1)).isoformat()
                found = {
                    of.path: measure(address, key, since, of)
                    for of in lists
                    if of.count
                }
            finally:
                process.terminate()
                process.wait()
        finally:
            mongodb.stop_now()
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    result = {"logs": LOGS, "tasks": TASKS, "page_ms": found}
    RESULT.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
