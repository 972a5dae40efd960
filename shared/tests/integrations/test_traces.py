"""A request's trace, from its header or the host's own span, through its handler."""

from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from daybook.client.tracing import current_traceparent
from daybook.integrations import asgi, wsgi
from daybook.integrations.asgi import Message, Receive, Scope, Send
from daybook.testing.recording import RecordingClient
from daybook.testing.scripted import body, start
from daybook.testing.scripted_wsgi import Server, hello
from opentelemetry.sdk.trace import TracerProvider

CallAsgi = Callable[..., list[Message]]
HEADER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HEADERS = {"traceparent": HEADER}


@pytest.fixture
def client() -> RecordingClient:
    return RecordingClient()


def trace_of(traceparent: str | None) -> str:
    return (traceparent or "")[3:35]


def asgi_handler(client: RecordingClient) -> asgi.ASGIApp:
    async def handle(scope: Scope, receive: Receive, send: Send) -> None:
        client.enqueue_task("T")
        client.publish_webhook("made", {})
        await send(start(200))
        await send(body(b"done"))

    return handle


def test_what_an_asgi_handler_publishes_is_of_its_requests_trace(
    client: RecordingClient, call_asgi: CallAsgi
) -> None:
    app = asgi.DaybookMiddleware(asgi_handler(client), client)

    call_asgi(app, headers=HEADERS)
    call_asgi(app)
    call_asgi(app, headers={"traceparent": "00-odd"})

    assert client.traces == [HEADER] * 3 + [None] * 6


@pytest.mark.parametrize("outside", [True, False])
def test_an_asgi_hosts_own_span_is_what_its_request_belongs_to(
    client: RecordingClient, call_asgi: CallAsgi, outside: bool
) -> None:
    tracer = TracerProvider().get_tracer("host")
    seen: list[str | None] = []

    def traced(app: asgi.ASGIApp) -> asgi.ASGIApp:
        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            with tracer.start_as_current_span("request"):
                seen.append(current_traceparent())
                await app(scope, receive, send)

        return call

    handler = asgi_handler(client)
    app = (
        traced(asgi.DaybookMiddleware(handler, client))
        if outside
        else asgi.DaybookMiddleware(traced(handler), client)
    )

    call_asgi(app, headers=HEADERS)

    assert seen != [None]
    assert client.traces == seen * 3


def wsgi_handler(
    client: RecordingClient,
) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    def handle(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        client.enqueue_task("T")
        blocks = hello(environ, start)

        def streamed() -> Iterable[bytes]:
            client.publish_webhook("made", {})
            yield from blocks

        return streamed()

    return handle


def test_what_a_wsgi_handler_publishes_is_of_its_requests_trace(
    client: RecordingClient,
) -> None:
    app = wsgi.DaybookMiddleware(wsgi_handler(client), client)

    Server(HTTP_TRACEPARENT=HEADER).call(app)
    assert client.traces == [HEADER] * 3

    Server().call(app)
    assert client.traces[3:] == [None] * 3


def test_a_wsgi_hosts_own_span_is_what_its_request_belongs_to(
    client: RecordingClient,
) -> None:
    tracer = TracerProvider().get_tracer("host")

    def traced(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        with tracer.start_as_current_span("request"):
            client.enqueue_task("T")
            return hello(environ, start)

    Server(HTTP_TRACEPARENT=HEADER).call(wsgi.DaybookMiddleware(traced, client))

    task, request = client.traces
    assert task == request != HEADER
