"""Real applications under the ASGI middleware, served by uvicorn to real clients."""

import asyncio
import base64
import gzip
import socket
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from daybook.integrations.asgi import ASGIApp, DaybookMiddleware
from daybook.testing.recording import RecordingPublisher
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

ServeAsgi = Callable[[ASGIApp], int]


def shop(publisher: RecordingPublisher) -> FastAPI:
    app = FastAPI()

    @app.post("/echo")
    async def echo(request: Request) -> Response:
        return Response(
            await request.body(), media_type=request.headers.get("content-type")
        )

    app.add_middleware(DaybookMiddleware, publisher=publisher)
    return app


@pytest.mark.parametrize(
    "text",
    [
        '{"n":123456789012345678901234567890,"b":1.00,"a":1,"b":2}',
        '{"lone":"\\ud800","unclosed":[',
        '{"name":"שלום 👩‍👩‍👧"}\r\n',
    ],
)
def test_what_a_client_sent_and_got_is_in_the_log_byte_for_byte(
    publisher: RecordingPublisher, serve_asgi: ServeAsgi, text: str
) -> None:
    port = serve_asgi(shop(publisher))

    answer = httpx.post(
        f"http://127.0.0.1:{port}/echo?token=abc",
        content=text.encode(),
        headers={"content-type": "application/json", "x-app-token": "abc"},
    )

    (event,) = publisher.wait_for(1)
    assert answer.content == text.encode()
    assert event.endpoint == "POST /echo"
    assert event.url == f"http://127.0.0.1:{port}/echo?token=***"
    assert event.client_ip == "127.0.0.1"
    for side in (event.request, event.response):
        assert side
        assert (side.body, side.body_encoding) == (text, "utf-8")
        assert side.body_size == len(text.encode())


def test_binary_bodies_are_in_the_log_byte_for_byte(
    publisher: RecordingPublisher, serve_asgi: ServeAsgi
) -> None:
    port = serve_asgi(shop(publisher))
    data = bytes(range(256))

    httpx.post(f"http://127.0.0.1:{port}/echo", content=data)

    (event,) = publisher.wait_for(1)
    assert event.request
    assert event.request.body_encoding == "base64"
    assert base64.b64decode(event.request.body or "") == data


def test_both_ways_compressed(
    publisher: RecordingPublisher, serve_asgi: ServeAsgi
) -> None:
    app = FastAPI()

    @app.post("/packed")
    async def packed(request: Request) -> Response:
        return Response(
            await request.body(),
            headers={"content-encoding": "gzip", "content-type": "application/json"},
        )

    app.add_middleware(DaybookMiddleware, publisher=publisher)
    port = serve_asgi(app)
    text = '{"password":"hunter2","n":1.0}'

    answer = httpx.post(
        f"http://127.0.0.1:{port}/packed",
        content=gzip.compress(text.encode()),
        headers={"content-encoding": "gzip"},
    )

    (event,) = publisher.wait_for(1)
    assert answer.text == text
    for side in (event.request, event.response):
        assert side
        assert side.body == text.replace("hunter2", "*******")


def test_a_stream_reaches_its_client_chunk_by_chunk(
    publisher: RecordingPublisher, serve_asgi: ServeAsgi
) -> None:
    client_has_first = threading.Event()
    app = FastAPI()

    @app.get("/events")
    async def events() -> StreamingResponse:
        async def chunks() -> AsyncIterator[str]:
            yield "data: first\n\n"
            # Ends only when the client has the first: a delayed stream would hang here.
            arrived = await asyncio.to_thread(client_has_first.wait, 10)
            yield f"data: {arrived}\n\n"

        return StreamingResponse(chunks(), media_type="text/event-stream")

    app.add_middleware(DaybookMiddleware, publisher=publisher)
    port = serve_asgi(app)

    with httpx.stream("GET", f"http://127.0.0.1:{port}/events") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "data: first"
        assert publisher.calls == []
        client_has_first.set()
        assert "data: True" in list(lines)

    (event,) = publisher.wait_for(1)
    assert event.response
    assert event.response.body == "data: first\n\ndata: True\n\n"
    assert event.response.truncated is False


def test_a_client_that_hangs_up_midway_is_a_log(
    publisher: RecordingPublisher, serve_asgi: ServeAsgi
) -> None:
    app = FastAPI()

    @app.get("/endless")
    async def endless() -> StreamingResponse:
        async def chunks() -> AsyncIterator[str]:
            yield "first"
            while True:
                yield "x" * 1000
                await asyncio.sleep(0)

        return StreamingResponse(chunks())

    app.add_middleware(DaybookMiddleware, publisher=publisher, body_limit=5)
    port = serve_asgi(app)

    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in client.recv(1000)

    (event,) = publisher.wait_for(1)
    assert event.status_code == 200
    assert event.response
    assert (event.response.body, event.response.truncated) == ("first", True)


def test_a_client_that_hangs_up_before_the_answer_is_a_log_without_a_status(
    publisher: RecordingPublisher, serve_asgi: ServeAsgi
) -> None:
    port = serve_asgi(shop(publisher))

    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"
        )

    (event,) = publisher.wait_for(1)
    assert event.status_code is None
    assert event.request
    assert event.request.body_size == 9
    assert event.request.truncated is True


def test_a_handler_that_raises_under_a_real_server_is_a_500(
    publisher: RecordingPublisher, serve_asgi: ServeAsgi
) -> None:
    app = FastAPI()

    @app.get("/boom/{name}")
    async def boom(name: str) -> None:
        raise ZeroDivisionError(name)

    app.add_middleware(DaybookMiddleware, publisher=publisher)
    port = serve_asgi(app)

    assert httpx.get(f"http://127.0.0.1:{port}/boom/x").status_code == 500

    (event,) = publisher.wait_for(1)
    assert (event.status_code, event.endpoint) == (500, "GET /boom/{name}")


def test_a_big_upload_is_counted_and_not_kept(
    publisher: RecordingPublisher, serve_asgi: ServeAsgi
) -> None:
    app = FastAPI()
    peak = [0]

    @app.post("/upload")
    async def upload(request: Request) -> int:
        tracemalloc.start()
        size = sum([len(chunk) async for chunk in request.stream()])
        peak[0] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    app.add_middleware(DaybookMiddleware, publisher=publisher)
    port = serve_asgi(app)
    piece = "ä".encode() * 32_768

    answer = httpx.post(
        f"http://127.0.0.1:{port}/upload",
        content=(piece for _ in range(80)),
        timeout=60,
    )

    assert answer.json() == 80 * len(piece)
    (event,) = publisher.wait_for(1)
    assert event.request
    assert event.request.body == "ä" * 32_768
    assert event.request.body_size == 80 * len(piece)
    assert event.request.truncated is True
    assert peak[0] < 2_000_000
