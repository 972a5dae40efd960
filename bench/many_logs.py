"""A project's logs as ingest stores them, many and all different, for what reads them.

About 2 KB each, with a body on both sides that no compression makes much smaller, in
the order in which they were received. The same in every run, but for their times.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from daybook.storage.logs import INDEXES
from daybook.testing.stored_logs import stored_log

PROJECT = "demo"
_METHODS = ("GET", "GET", "POST", "POST", "DELETE")
_HEADERS = [
    ["host", "shop.example"],
    ["content-type", "application/json"],
    ["accept", "*/*"],
    ["user-agent", "python-httpx/0.28"],
]


def logs(count: int, newest: datetime, spread: timedelta) -> Iterator[dict[str, Any]]:
    """Oldest first; one in ten failed, one in fifty has nobody and no bodies."""
    random = Random(1)
    for number in range(count):
        method = _METHODS[number % 5]
        bare = number % 50 == 7
        note = random.randbytes(150).hex()
        asked = json.dumps({"code": f"V-{number}", "note": note})
        answered = json.dumps({"id": f"v_{number}", "said": 'a "word", or two', "n": 1})
        yield stored_log(
            f"log-{number:08d}",
            newest - spread + spread * ((number + 1) / (count + 1)),
            project_id=PROJECT,
            method=method,
            endpoint=f"{method} /v1/vouchers/{{code}}",
            url=f"https://shop.example/v1/vouchers/V-{number}?x=1",
            status_code=(404 if number % 20 else 500) if number % 10 == 0 else 200,
            duration_ms=random.randrange(10, 9000) / 10,
            user=None
            if bare
            else {"id": f"u{number % 5000}", "email": f"u{number % 5000}@shop.example"},
            api_key={
                "id": f"k{number % 10}",
                "name": "shop",
                "kind": "client" if number % 3 == 0 else "server",
            },
            client_ip="192.0.2.1",
            user_agent="python-httpx/0.28",
            request=_side(None if bare else asked),
            response=_side(None if bare else answered + note),
            resource={"type": "voucher", "id": f"V-{number}"},
        )


def _side(body: str | None) -> dict[str, Any]:
    side: dict[str, Any] = {"headers": _HEADERS, "truncated": False}
    if body is None:
        return side
    return side | {
        "content_type": "application/json",
        "body": body,
        "body_encoding": "utf-8",
        "body_size": len(body),
    }


def store(collection: Any, count: int, newest: datetime, spread: timedelta) -> None:
    """Insert them all, in bulks, then the indexes that the collection has."""
    bulk: list[dict[str, Any]] = []
    for document in logs(count, newest, spread):
        bulk.append(document)
        if len(bulk) == 5000:
            collection.insert_many(bulk, ordered=False)
            bulk.clear()
    if bulk:
        collection.insert_many(bulk, ordered=False)
    collection.create_indexes(list(INDEXES))
