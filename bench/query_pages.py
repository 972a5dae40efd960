"""Pages of ``GET /v1/logs`` over many logs, by filter and depth: ``make bench-query``.

A real query process over a real MongoDB; a figure is the whole of one HTTP request, the
median of those at that depth. A constant time at any depth is what keyset cursors are
for.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from daybook.storage.logs import INDEXES
from daybook.testing.stored_logs import stored_log
from daybook_local import servers
from daybook_local.ports import Ports
from pymongo import MongoClient
from query.keys import make_key, system_randomness

LOGS = int(os.environ.get("BENCH_LOGS", "1000000"))
DEPTHS = (1, 10, 100, 1000)
RESULT = Path(".daybook/bench/query.json")
SPREAD = timedelta(days=30)

FILTERS: dict[str, dict[str, str]] = {
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


def documents(newest: datetime) -> Iterator[dict[str, Any]]:
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


def seed(logs: Any, newest: datetime) -> None:
    """Insert all, in bulks."""
    logs.create_indexes(list(INDEXES))
    bulk: list[dict[str, Any]] = []
    for document in documents(newest):
        bulk.append(document)
        if len(bulk) == 5000:
            logs.insert_many(bulk, ordered=False)
            bulk.clear()
    if bulk:
        logs.insert_many(bulk, ordered=False)


def pages(http: httpx.Client, filters: dict[str, str], since: str) -> dict[int, float]:
    """Milliseconds of the page at each depth, as far as there are pages."""
    took: dict[int, float] = {}
    cursor: str | None = None
    recent: list[float] = []
    for depth in range(1, max(DEPTHS) + 1):
        parameters = filters | {"limit": "100", "created_at[after]": since}
        if cursor is not None:
            parameters["cursor"] = cursor
        started = time.perf_counter()
        answer = http.get("/v1/logs", params=parameters)
        recent = [*recent[-4:], (time.perf_counter() - started) * 1000]
        answer.raise_for_status()
        if depth in DEPTHS:
            took[depth] = round(statistics.median(recent), 1)
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            break
    return took


def measure(address: str, key: str, since: str) -> dict[str, dict[int, float]]:
    """Every filter at every depth, as a table on the way."""
    headers = {"authorization": f"Bearer {key}"}
    print(f"{'filter':>24}" + "".join(f"{f'page {depth}':>12}" for depth in DEPTHS))
    found: dict[str, dict[int, float]] = {}
    with httpx.Client(base_url=address, headers=headers, timeout=30) as http:
        for name, filters in FILTERS.items():
            found[name] = took = pages(http, filters, since)
            cells = (f"{took.get(depth, '–'):>12}" for depth in DEPTHS)
            print(f"{name:>24}" + "".join(cells) + "  ms", flush=True)
    return found


def main() -> None:
    """Seed, start query, measure, write the result."""
    now = datetime.now(UTC)
    stored, key = make_key("shop", "bench", now=now, randomness=system_randomness)
    with tempfile.TemporaryDirectory() as folder:
        mongodb = servers.mongodb_server(Path(folder))
        port = Ports().take()
        environment = os.environ | {"DAYBOOK_PORT": str(port)}
        try:
            mongodb.start_now()
            with MongoClient[dict[str, Any]](mongodb.address) as client:
                seed(client["daybook"]["logs"], now)
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
                found = measure(address, key, since)
            finally:
                process.terminate()
                process.wait()
        finally:
            mongodb.stop_now()
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps({"logs": LOGS, "page_ms": found}, indent=2) + "\n")


def wait_for(address: str) -> None:
    """Return once it answers well."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if httpx.get(address).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError(address)


if __name__ == "__main__":
    main()
