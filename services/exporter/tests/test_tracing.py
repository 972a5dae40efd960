"""A span for each run of an export, in the trace of who asked for it."""

from typing import Any

from daybook.testing.spans import Spans, parent_of_span
from opentelemetry.trace import StatusCode

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_a_run_is_a_child_of_what_asked_for_the_export(world: Any) -> None:
    spans = Spans()
    await world.store_logs(3)
    export = await world.ask()
    await world.database["exports"].update_one(
        {"_id": export["_id"]}, {"$set": {"traceparent": TRACEPARENT}}
    )

    await world.run(export, world.exporter(tracer=spans.tracer))

    (run,) = spans.named("run export")
    assert parent_of_span(run) == TRACEPARENT
    assert (run.attributes or {})["daybook.export.id"] == export["id"]
    assert run.status.status_code is StatusCode.UNSET


async def test_a_run_that_ends_in_an_error_has_failed(world: Any) -> None:
    spans = Spans()
    export = await world.ask()
    await world.database["exports"].update_one(
        {"_id": export["_id"]}, {"$set": {"exported_object": "nonsense"}}
    )

    ended = await world.run(export, world.exporter(tracer=spans.tracer))

    (run,) = spans.named("run export")
    assert ended["status"] == "ERROR"
    assert run.status.status_code is StatusCode.ERROR
