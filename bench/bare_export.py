"""The bare loop that the exporter is measured beside: the least code that makes a CSV.

A PyMongo cursor over whole documents, in the order of the export and by its index, and
Python's ``csv``. No lease, no parts, nothing durable, no apostrophe, no columnar copy.
Prints rows, bytes, seconds from the first question to the last byte (by the clock, and
of CPU), and peak memory.
"""

import argparse
import csv
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measuring import cpu_seconds, peak_resident_mb
from pymongo import MongoClient

Document = dict[str, Any]
Values = dict[str, Callable[[Document], Any]]
_NOTHING: Document = {}


def _inner(outer: str, name: str) -> Callable[[Document], Any]:
    return lambda log: (log.get(outer) or _NOTHING).get(name)


def _key(kind: str) -> Callable[[Document], Any]:
    def value(log: Document) -> Any:
        key = log.get("api_key") or _NOTHING
        return key.get("id") if key.get("kind") == kind else None

    return value


# What is not here is in the document under the field's own name.
_ELSEWHERE: Values = {
    "user_email": _inner("user", "email"),
    "app_id": _key("server"),
    "client_app_id": _key("client"),
    "request_duration": lambda log: log.get("duration_ms"),
    "request_body": _inner("request", "body"),
    "response_body": _inner("response", "body"),
}


def _plain(name: str) -> Callable[[Document], Any]:
    return lambda log: log.get(name)


def export(logs: Any, project: str, fields: list[str], path: Path) -> tuple[int, float]:
    """Write the file; its rows, and the seconds it took."""
    values = [_ELSEWHERE.get(name, _plain(name)) for name in fields]
    rows = 0
    began = time.perf_counter()
    found = logs.find({"project_id": project}).sort([("created_at", -1), ("_id", -1)])
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(fields)
        for log in found:
            writer.writerow([value(log) for value in values])
            rows += 1
    return rows, time.perf_counter() - began


def main() -> None:
    """Read the arguments, run, and tell."""
    parser = argparse.ArgumentParser()
    for name in ("uri", "database", "project", "fields", "path"):
        parser.add_argument(f"--{name}", required=True)
    asked = parser.parse_args()
    path = Path(asked.path)
    with MongoClient[Document](asked.uri) as client:
        logs = client[asked.database]["logs"]
        before = cpu_seconds(os.getpid())
        rows, seconds = export(logs, asked.project, asked.fields.split(","), path)
        used = cpu_seconds(os.getpid()) - before
    told = {
        "rows": rows,
        "bytes": path.stat().st_size,
        "seconds": seconds,
        "cpu_seconds": used,
        "peak_resident_mb": peak_resident_mb(os.getpid()),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
