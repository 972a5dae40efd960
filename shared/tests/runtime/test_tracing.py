"""Spans: whose children they are, which are kept, and that off is off."""

import asyncio
import subprocess
import sys
import threading
from uuid import uuid4

import pytest
from daybook.runtime.consuming.traced import traced
from daybook.runtime.otlp import MOST_LINKS, OtlpTracer, provider_to
from daybook.runtime.settings import ServiceSettings
from daybook.runtime.tracing import NO_TRACER, Tracer, tracer_of
from daybook.testing.receivers import Receiver, hang
from daybook.testing.spans import Collector, Spans, parent_of_span, traceparent_of_span
from opentelemetry.trace import StatusCode
from pydantic import ValidationError

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNKEPT = f"{PARENT[:-2]}00"


def another(flags: str = "01") -> str:
    return f"00-{uuid4().hex}-{uuid4().hex[:16]}-{flags}"


def linked_to(spans: Spans) -> list[str]:
    (span,) = spans.ended
    return [f"{link.context.trace_id:032x}" for link in span.links]


def test_a_span_is_its_parents_child_and_hands_itself_on() -> None:
    spans = Spans()

    with spans.tracer.span("work", "server", parent=PARENT, facts={"a": 1}) as span:
        handed_on = span.traceparent
        span.tell({"b": "two"}, name="better")

    (ended,) = spans.ended
    assert parent_of_span(ended) == PARENT
    assert traceparent_of_span(ended) == handed_on
    assert ended.name == "better"
    assert dict(ended.attributes or {}) == {"a": 1, "b": "two"}
    assert ended.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize("parent", [None, "nonsense", f"00-{'0' * 32}-{'1' * 16}-01"])
def test_without_a_parent_a_trace_begins_whatever_runs_around_it(
    parent: str | None,
) -> None:
    spans = Spans()

    with spans.tracer.span("outer", "server", parent=PARENT):  # noqa: SIM117
        with spans.tracer.span("inner", "internal", parent=parent):
            pass

    inner, outer = spans.ended
    assert inner.parent is None
    assert traceparent_of_span(inner)[3:35] != traceparent_of_span(outer)[3:35]


def test_what_its_beginner_does_not_keep_is_not_kept_and_handed_on_so() -> None:
    spans = Spans()

    with spans.tracer.span("work", "server", parent=UNKEPT) as span:
        assert (span.traceparent or "")[:36] == UNKEPT[:36]
        assert (span.traceparent or "").endswith("-00")

    assert spans.ended == []


def test_a_block_that_raises_has_failed_and_none_of_its_words_are_told() -> None:
    spans = Spans()

    with pytest.raises(ValueError, match="hunter2"):  # noqa: SIM117
        with spans.tracer.span("work", "internal"):
            raise ValueError("hunter2")

    (ended,) = spans.ended
    assert ended.status.status_code is StatusCode.ERROR
    assert dict(ended.attributes or {}) == {"error.type": "ValueError"}
    assert "hunter2" not in ended.to_json()


async def write(items: list[str | None]) -> None:
    """Of a service that stores nothing."""


def told(item: str | None) -> str | None:
    return item


async def test_a_bulk_is_one_span_linked_once_to_each_trace_that_is_kept() -> None:
    spans = Spans()
    other = another()

    await traced(write, spans.tracer, "group", told)(
        [PARENT, None, other, PARENT, UNKEPT, "nonsense", another("00")]
    )

    assert linked_to(spans) == [PARENT[3:35], other[3:35]]
    (span,) = spans.named("process group")
    assert (span.attributes or {})["messaging.batch.message_count"] == 7


async def test_a_bulks_links_are_bounded() -> None:
    spans = Spans()

    await traced(write, spans.tracer, "group", told)([another() for _ in range(1_000)])

    assert len(linked_to(spans)) == MOST_LINKS


async def test_of_what_begins_here_a_share_is_kept_and_what_kept_ones_passed() -> None:
    spans = Spans(ratio=0.0)

    await traced(write, spans.tracer, "group", told)([None, another("00")])
    with spans.tracer.span("work", "internal"):
        pass
    assert spans.ended == []

    await traced(write, spans.tracer, "group", told)([None, PARENT])
    with spans.tracer.span("work", "internal", parent=PARENT):
        pass
    assert [span.name for span in spans.ended] == ["process group", "work"]


def test_off_traces_pass_through_as_they_came() -> None:
    tracer: Tracer = tracer_of(ServiceSettings(), "ingest")

    with tracer.span("work", "server", parent=PARENT) as span:
        span.tell({"a": 1})
        span.fail("timeout")
        assert span.traceparent == PARENT

    assert not tracer.on


def test_off_a_write_is_the_very_same() -> None:
    assert traced(write, NO_TRACER, "group", told) is write


def test_off_nothing_of_the_sdk_is_imported_by_any_service() -> None:
    program = (
        "import sys, query.__main__, ingest.__main__, exporter.__main__;"
        "import task_tracker.__main__, webhook_dispatcher.__main__;"
        "from daybook.runtime.settings import ServiceSettings;"
        "from daybook.runtime.tracing import tracer_of;"
        "tracer_of(ServiceSettings(otlp_endpoint=None), 'ingest');"
        "sdk = ('opentelemetry.sdk', 'opentelemetry.exporter');"
        "assert not [name for name in sys.modules if name.startswith(sdk)]"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0  # noqa: S603 - our own


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("", None),
        ("http://collector:4318", "http://collector:4318"),
        ("https://collector/otlp/", "https://collector/otlp"),
    ],
)
def test_the_collectors_address_is_read(given: str, read: str | None) -> None:
    assert ServiceSettings(otlp_endpoint=given).otlp_endpoint == read


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="http:// or https://"):
        ServiceSettings(otlp_endpoint="collector:4317")


async def test_closing_sends_what_waits_to_the_collector_that_was_named() -> None:
    with Collector() as collector:
        settings = ServiceSettings(otlp_endpoint=collector.endpoint)
        tracer = tracer_of(settings, "ingest")
        with tracer.span("work", "internal", parent=PARENT, links=[another()]):
            pass
        assert tracer.on

        await tracer.close()

    (seen,) = collector.seen
    assert (seen.service, seen.name) == ("daybook-ingest", "work")
    assert (seen.trace_id, seen.parent_id) == (PARENT[3:35], PARENT[36:52])
    assert len(seen.linked) == 1


async def test_a_collector_that_hangs_does_not_hold_up_a_stop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Receiver(hang) as collector:
        provider = provider_to(collector.url(path=""), 1.0, "ingest")
        tracer = OtlpTracer(provider, sent_within_s=0.2)
        with tracer.span("work", "internal"):
            pass

        await tracer.close()

    assert "did not reach the collector" in caplog.text
    for thread in threading.enumerate():  # lest its words come in another test
        if thread.name == "last-spans":
            await asyncio.to_thread(thread.join)


async def test_what_is_cancelled_has_not_failed() -> None:
    spans = Spans()

    async def work() -> None:
        with spans.tracer.span("work", "internal"):
            await asyncio.Event().wait()

    working = asyncio.create_task(work())
    await asyncio.sleep(0)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)

    (ended,) = spans.ended
    assert ended.status.status_code is StatusCode.UNSET
