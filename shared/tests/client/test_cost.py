"""What publishing costs the thread that does it."""

import statistics
import time
from datetime import timedelta
from typing import Any

from daybook import SyncClient
from daybook.events.request import HttpMessage

HEADERS = [[f"x-header-{number}", "value of a usual length"] for number in range(6)]


def test_publishing_two_kilobytes_takes_microseconds(
    make_event: Any, nowhere: str
) -> None:
    body = '{"code": "%s"}' % ("é" * 250)
    message = HttpMessage(headers=HEADERS, content_type="application/json", body=body)
    event = make_event(request=message, response=message, channel="API")
    client = SyncClient(nowhere, source="shop", project_id="demo")
    rounds: list[float] = []

    for _ in range(20):
        before = time.thread_time()
        for _ in range(100):
            client.publish(event)
        rounds.append((time.thread_time() - before) / 100)
    client.close(timedelta(0))

    # Some 30 µs where it was written; a busy machine gets five times that.
    assert statistics.median(rounds) < 150e-6
