"""The ASGI middleware, message by message."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from daybook.integrations.asgi import DaybookMiddleware, Message, Receive, Scope, Send
from daybook.testing.recording import RecordingPublisher
from daybook.testing.scripted import Answering, body, request, start
from hypothesis import given
from hypothesis import strategies as st

CallAsgi = Callable[..., list[Message]]
JSON = {"content-type": "application/json"}


def test_a_request_becomes_one_event(
    publisher: RecordingPublisher, call_asgi: CallAsgi
) -> None:
    ticks = iter([10.0, 10.0125])
    when = datetime(2026, 11, 1, tzinfo=UTC)
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    app = DaybookMiddleware(
        Answering(start(201, content_type="text/plain"), body(b"done"), reads=1),
        publisher,
        project_id="p1",
        clock=lambda: when,
        stopwatch=lambda: next(ticks),
    )

    call_asgi(
        app,
        request(b'{"password":"x"}'),
        method="POST",
        path="/a%20b",
        query_string=b"token=abc&q=1",
        headers={
            "host": "shop.test:8080",
            "x-request-id": "req-1",
            "user-agent": "curl/8",
            "traceparent": traceparent,
            "content-length": "16",
            "authorization": "Bearer abc",
            **JSON,
        },
    )

    (call,) = publisher.calls
    event = call.event
    assert (call.project_id, call.time, call.traceparent) == ("p1", when, traceparent)
    assert event.request_id == "req-1"
    assert event.url == "http://shop.test:8080/a%20b?token=***&q=1"
    assert (event.method, event.status_code, event.channel) == ("POST", 201, "API")
    assert (event.client_ip, event.user_agent) == ("203.0.113.9", "curl/8")
    assert event.duration_ms == 12.5
    assert event.request
    assert event.request.body == '{"password":"*"}'
    assert event.request.content_type == "application/json"
    assert ["authorization", "Bearer ***"] in (event.request.headers or [])
    assert event.response
    assert event.response.body == "done"
    assert event.response.body_size == 4


def test_messages_pass_untouched_and_the_request_id_is_left_for_the_app(
    publisher: RecordingPublisher, call_asgi: CallAsgi
) -> None:
    hint = {"type": "http.response.early_hint", "links": [b"</a>"]}
    given_messages = [hint, start(), body(b"a", more=True), body(b"b")]
    inner = Answering(*given_messages)

    sent = call_asgi(DaybookMiddleware(inner, publisher, new_id=lambda: "made"))

    assert [id(message) for message in sent] == [id(m) for m in given_messages]
    assert inner.scope["daybook.request_id"] == "made"
    assert inner.scope["state"]["daybook_request_id"] == "made"
    assert publisher.only.request_id == "made"


@pytest.mark.parametrize("bad", ["", "a b", "x" * 129, "é", "a\x7f"])
def test_an_odd_request_id_is_replaced(
    publisher: RecordingPublisher, call_asgi: CallAsgi, bad: str
) -> None:
    app = DaybookMiddleware(Answering(start(), body()), publisher, new_id=lambda: "new")

    call_asgi(app, headers={"x-request-id": bad, "traceparent": "00-odd"})

    assert publisher.only.request_id == "new"
    assert publisher.calls[0].traceparent is None


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)]
)
def test_an_answer_without_a_body_has_size_zero(
    publisher: RecordingPublisher, call_asgi: CallAsgi, method: str, status: int
) -> None:
    app = DaybookMiddleware(
        Answering(start(status, content_length="5"), body(b"hello")), publisher
    )

    call_asgi(app, method=method)

    response = publisher.only.response
    assert response
    assert (response.body, response.body_size, response.truncated) == (None, 0, False)


def test_trailers_end_the_answer(
    publisher: RecordingPublisher, call_asgi: CallAsgi
) -> None:
    counts: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({**start(), "trailers": True})
        await send(body(b"x"))
        counts.append(len(publisher.calls))
        await send({"type": "http.response.trailers", "headers": []})
        counts.append(len(publisher.calls))

    call_asgi(DaybookMiddleware(app, publisher))

    assert counts == [0, 1]


@pytest.mark.parametrize(
    "message",
    [
        {"type": "http.response.pathsend", "path": "/f"},
        {"type": "http.response.zerocopysend", "file": 3, "more_body": False},
    ],
)
@pytest.mark.parametrize(
    ("declared", "size"), [({"content_length": "77"}, 77), ({}, None)]
)
def test_a_file_that_the_server_sends_is_not_captured_and_says_so(
    publisher: RecordingPublisher,
    call_asgi: CallAsgi,
    message: Message,
    declared: dict[str, str],
    size: int | None,
) -> None:
    call_asgi(DaybookMiddleware(Answering(start(200, **declared), message), publisher))

    response = publisher.only.response
    assert response
    assert response.body == "[not captured: the server sent a file]"
    assert response.body_size == size


def test_other_protocols_and_a_second_middleware_pass_by(
    publisher: RecordingPublisher, call_asgi: CallAsgi
) -> None:
    inner = DaybookMiddleware(Answering(start(), body()), publisher)

    call_asgi(inner, type="websocket")
    call_asgi(inner, type="lifespan")
    assert publisher.calls == []

    call_asgi(DaybookMiddleware(inner, publisher))
    assert len(publisher.calls) == 1


@given(st.binary(max_size=400), st.lists(st.integers(0, 50), max_size=12))
def test_the_log_is_the_same_however_a_body_is_chunked(
    data: bytes, sizes: list[int]
) -> None:
    async def drive(app: DaybookMiddleware, incoming: list[Message]) -> None:
        async def receive() -> Message:
            return incoming.pop(0)

        async def send(message: Message) -> None:
            del message

        scope: Scope = {
            "type": "http",
            "method": "POST",
            "path": "/",
            "headers": [(b"transfer-encoding", b"chunked")],
        }
        await app(scope, receive, send)

    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        more = True
        while more:
            message = await receive()
            more = bool(message["more_body"])
            await send(body(message["body"], more=more))

    def events(chunks: list[bytes]) -> Any:
        publisher = RecordingPublisher()
        app = DaybookMiddleware(
            echo, publisher, body_limit=100, new_id=lambda: "r", stopwatch=lambda: 0.0
        )
        incoming = [request(chunk, more=True) for chunk in chunks] + [request()]
        asyncio.run(drive(app, incoming))
        return publisher.only

    chunks: list[bytes] = []
    rest = data
    for size in sizes:
        chunks.append(rest[:size])
        rest = rest[size:]

    assert events([*chunks, rest]) == events([data])
