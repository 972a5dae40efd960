"""A span for each write, linked to the traces that went through it."""

import json
from typing import Any

from daybook.testing.records import request_event
from daybook.testing.spans import Spans
from ingest.app import Ingest

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def test_what_is_stored_and_what_is_not_go_through_one_span(world: Any) -> None:
    spans = Spans()
    traceparent = f"00-{TRACE}-b7ad6b7169203331-01"
    await world.send(json.dumps(request_event(traceparent=traceparent)).encode())
    await world.send(b"no event")

    async with Ingest(world.settings, spans.tracer).app.start_lifespan_context():
        await world.stored(1)
        await world.letters(1)

    ended = spans.named(f"process {world.settings.group_id}")
    assert [f"{link.context.trace_id:032x}" for one in ended for link in one.links] == [
        TRACE
    ]
    counts = [(one.attributes or {})["messaging.batch.message_count"] for one in ended]
    assert sum(int(str(count)) for count in counts) == 2
