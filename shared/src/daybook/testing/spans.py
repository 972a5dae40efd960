"""Spans for tests: kept in memory, or received as a collector receives them."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import (
    InMemorySpanExporter,
)

from daybook.runtime.otlp import OtlpTracer, sampler_of


@dataclass(frozen=True, slots=True)
class Seen:
    """A span as it left its process; ids in hexadecimal, a root's parent is empty."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    linked: frozenset[str]
    """The ids of the traces that it is linked to."""


class Spans:
    """A tracer whose spans stay here."""

    def __init__(self, ratio: float = 1.0) -> None:
        self._kept = InMemorySpanExporter()
        provider = TracerProvider(sampler=sampler_of(ratio), shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._kept))
        self.tracer = OtlpTracer(provider)

    @property
    def ended(self) -> list[ReadableSpan]:
        """All that have ended and are kept, in that order."""
        return list(self._kept.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        """Those of one name."""
        return [span for span in self.ended if span.name == name]


def traceparent_of_span(span: ReadableSpan) -> str:
    """What the span hands on."""
    context = span.context
    assert context is not None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-01"


def parent_of_span(span: ReadableSpan) -> str | None:
    """The traceparent that it was begun under."""
    parent = span.parent
    if parent is None:
        return None
    return f"00-{parent.trace_id:032x}-{parent.span_id:016x}-01"


class Collector:
    """Receives traces by OTLP over HTTP while it is entered."""

    def __init__(self) -> None:
        self._seen: list[Seen] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def endpoint(self) -> str:
        """What a service is told of it."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def seen(self) -> list[Seen]:
        """All that came so far."""
        with self._lock:
            return list(self._seen)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.path == "/v1/traces":
                    collector.take(body)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200 if self.path == "/v1/traces" else 404)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing is said of each request."""

        return Handler

    def take(self, body: bytes) -> None:
        """Keep what one request holds."""
        request = cast("Any", ExportTraceServiceRequest.FromString(body))
        with self._lock:
            for resource in request.resource_spans:
                told = {one.key: one.value for one in resource.resource.attributes}
                service = told["service.name"].string_value
                for scope in resource.scope_spans:
                    self._seen += [_seen(service, span) for span in scope.spans]


def _seen(service: str, span: Any) -> Seen:
    return Seen(
        service=service,
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        linked=frozenset(link.trace_id.hex() for link in span.links),
    )
