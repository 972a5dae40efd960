"""Spans by OpenTelemetry's SDK, sent by OTLP over HTTP.

Imported where traces are turned on, and nowhere else. The provider is ours alone: none
is set for the process, so no library begins to make spans of its own.
"""

import asyncio
import logging
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from threading import Thread

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_ON,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    TraceState,
    set_span_in_context,
)
from opentelemetry.trace.status import Status, StatusCode
from opentelemetry.util.types import Attributes

from daybook.events.traceparent import traceparent_of
from daybook.runtime.tracing import Facts, Kind

log = logging.getLogger(__name__)

# A collector that hangs must not hold up a stop for longer.
SENT_WITHIN_S = 5.0
# What the SDK keeps of one span, by its own default.
MOST_LINKS = 128
# How a traceparent's flags end where its trace is kept.
_KEPT = frozenset("13579bdf")
_KINDS: dict[Kind, SpanKind] = {
    "server": SpanKind.SERVER,
    "consumer": SpanKind.CONSUMER,
    "client": SpanKind.CLIENT,
    "internal": SpanKind.INTERNAL,
}


class LinkedOrRatio(Sampler):
    """Of what begins a trace: whatever is linked to a kept one, else a share of it.

    A batch would else be lost to most of the traces that go through it.
    """

    def __init__(self, ratio: float) -> None:
        self._ratio = TraceIdRatioBased(ratio)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        sampler = ALWAYS_ON if links else self._ratio
        return sampler.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        return f"LinkedOrRatio{{{self._ratio.get_description()}}}"


def sampler_of(ratio: float) -> Sampler:
    """Whoever began a trace has said whether it is kept; of ours, this share is."""
    return ParentBased(LinkedOrRatio(ratio))


def provider_to(endpoint: str, ratio: float, service: str) -> TracerProvider:
    """A provider that sends to ``endpoint``, from a thread of its own.

    ``OTEL_EXPORTER_OTLP_HEADERS``, ``_CERTIFICATE`` and the SDK's other variables hold.
    """
    provider = TracerProvider(
        sampler=sampler_of(ratio),
        resource=Resource.create({"service.name": f"daybook-{service}"}),
        # Closed by its service, which does not wait for ever.
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=SENT_WITHIN_S)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


class OtlpSpan:
    """One span of the SDK's."""

    def __init__(self, span: Span) -> None:
        self._span = span
        context = span.get_span_context()
        flags = context.trace_flags & TraceFlags.SAMPLED
        self.traceparent: str | None = (
            f"00-{context.trace_id:032x}-{context.span_id:016x}-{flags:02x}"
        )

    def tell(self, facts: Facts, *, name: str | None = None) -> None:
        self._span.set_attributes(facts)
        if name is not None:
            self._span.update_name(name)

    def fail(self, kind: str) -> None:
        self._span.set_attribute("error.type", kind)
        self._span.set_status(Status(StatusCode.ERROR))


class OtlpTracer:
    """Makes the SDK's spans, and closes their provider."""

    on = True

    def __init__(
        self, provider: TracerProvider, sent_within_s: float = SENT_WITHIN_S
    ) -> None:
        self._provider = provider
        self._sent_within_s = sent_within_s
        self._tracer = provider.get_tracer("daybook")

    @contextmanager
    def span(
        self,
        name: str,
        kind: Kind,
        *,
        parent: str | None = None,
        links: Iterable[str | None] = (),
        facts: Facts | None = None,
    ) -> Generator[OtlpSpan]:
        begun = self._tracer.start_span(
            name,
            context=_under(parent),
            kind=_KINDS[kind],
            attributes=facts,
            links=_links(links),
        )
        span = OtlpSpan(begun)
        try:
            yield span
        except Exception as error:
            # Its words may hold what a user wrote.
            span.fail(type(error).__name__)
            raise
        finally:
            begun.end()

    async def close(self) -> None:
        loop, sent = asyncio.get_running_loop(), asyncio.Event()

        def send() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # the loop has not waited
                loop.call_soon_threadsafe(sent.set)

        # No executor's thread: the process would wait for that at its end.
        Thread(target=send, name="last-spans", daemon=True).start()
        try:
            await asyncio.wait_for(sent.wait(), self._sent_within_s)
        except TimeoutError:
            log.warning("the last spans did not reach the collector in time")


def _under(parent: str | None) -> Context:
    context = _place(parent)
    if context is None:
        return Context()  # the root of a trace, whatever runs around it
    return set_span_in_context(NonRecordingSpan(context), Context())


def _links(traceparents: Iterable[str | None]) -> list[Link]:
    """Links to traces that are kept, each once."""
    found: dict[str, Link] = {}
    for text in traceparents:
        # Of thousands a second most are passed over here, before they are read.
        if text is None or text[54:55] not in _KEPT or text[3:35] in found:
            continue
        if (place := _place(text)) is not None:
            found[text[3:35]] = Link(place)
            if len(found) == MOST_LINKS:
                break
    return list(found.values())


def _place(text: str | None) -> SpanContext | None:
    traceparent = traceparent_of(text)
    if traceparent is None:
        return None
    _, trace_id, span_id, flags = traceparent.split("-")
    return SpanContext(
        int(trace_id, 16),
        int(span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(flags, 16)),
    )
