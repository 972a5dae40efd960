"""Other people's WSGI applications under the middleware, served to real clients."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from wsgiref.types import WSGIApplication

import httpx
import pytest
from daybook.integrations.wsgi import DaybookMiddleware
from daybook.testing.recording import RecordingPublisher
from flask import Flask, Response, request, stream_with_context

ServeWsgi = Callable[[WSGIApplication], int]


@pytest.fixture(scope="module")
def httpbin() -> WSGIApplication:
    core: Any = pytest.importorskip("httpbin.core")
    return core.app


@pytest.fixture
def client(
    httpbin: WSGIApplication, publisher: RecordingPublisher, serve_wsgi: ServeWsgi
) -> Iterator[httpx.Client]:
    """A client of httpbin under the middleware."""
    port = serve_wsgi(DaybookMiddleware(httpbin, publisher))
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        yield client


def test_httpbin_answers_the_same_and_is_recorded(
    client: httpx.Client, publisher: RecordingPublisher
) -> None:
    text = '{"big":123456789012345678901234567890,"a":1,"a":2.00}'

    answer = client.post(
        "/post?token=abc",
        content=text,
        headers={"content-type": "application/json", "x-app-token": "hunter2"},
    )

    (event,) = publisher.wait_for(1)
    assert answer.json()["data"] == text
    assert answer.json()["headers"]["X-App-Token"] == "hunter2"
    assert event.endpoint == "POST /post"
    assert event.url.endswith("/post?token=***")
    assert event.request
    assert event.response
    assert event.request.body == text
    assert "hunter2" not in event.model_dump_json()
    assert event.response.body_size == len(answer.content)
    assert '"X-App-Token": "*******"' in (event.response.body or "")


@pytest.mark.parametrize(
    ("method", "path", "status", "endpoint"),
    [
        ("GET", "/status/418", 418, "GET /status/{codes}"),
        ("DELETE", "/anything/a/b", 200, "DELETE /anything/{anything}"),
        ("HEAD", "/get", 200, "HEAD /get"),
        ("GET", "/status/204", 204, "GET /status/{codes}"),
        ("GET", "/redirect-to?url=/get%3Ftoken%3Dx", 302, "GET /redirect-to"),
        ("GET", "/nowhere", 404, None),
        ("POST", "/get", 405, None),
        ("GET", "/basic-auth/u/p", 401, "GET /basic-auth/{user}/{passwd}"),
    ],
)
def test_httpbins_answers_keep_their_status(
    client: httpx.Client,
    publisher: RecordingPublisher,
    method: str,
    path: str,
    status: int,
    endpoint: str | None,
) -> None:
    answer = client.request(method, path)

    (event,) = publisher.wait_for(1)
    assert answer.status_code == status
    assert (event.status_code, event.endpoint) == (status, endpoint)
    assert event.response
    assert event.response.body_size == len(answer.content)


@pytest.mark.parametrize("path", ["/gzip", "/deflate", "/brotli"])
def test_httpbins_compressed_answers_are_readable_in_the_log(
    client: httpx.Client, publisher: RecordingPublisher, path: str
) -> None:
    with client.stream("GET", path) as answer:
        sent = b"".join(answer.iter_raw())

    (event,) = publisher.wait_for(1)
    assert event.response
    assert event.response.body_size == len(sent)
    assert '"method": "GET"' in (event.response.body or "")


def test_httpbins_streams_and_binaries(
    client: httpx.Client, publisher: RecordingPublisher
) -> None:
    streamed = client.get("/stream/5")
    drawn = client.get("/image/png")
    large = client.get("/stream-bytes/102400?seed=1")

    stream, image, cut = publisher.wait_for(3)
    assert stream.response
    assert image.response
    assert cut.response
    assert stream.response.body == streamed.text
    assert image.response.body_encoding == "base64"
    assert image.response.body_size == len(drawn.content)
    assert cut.response.truncated is True
    assert cut.response.body_size == len(large.content) == 102_400


def test_httpbin_reads_forms_and_files_as_ever(
    client: httpx.Client, publisher: RecordingPublisher
) -> None:
    form = client.post("/post", data={"password": "hunter2", "a": "ü"})
    multipart = client.post(
        "/post", data={"secret": "hunter2"}, files={"f": b"\x00\xffbytes"}
    )

    first, second = publisher.wait_for(2)
    assert form.json()["form"] == {"password": "hunter2", "a": "ü"}
    assert multipart.json()["form"] == {"secret": "hunter2"}
    assert first.request
    assert first.request.body == "password=*******&a=%C3%BC"
    assert second.request
    assert second.request.body_encoding == "base64"
    assert "hunter2" not in first.model_dump_json() + second.model_dump_json()


def test_many_threads_at_once_are_one_log_each(
    client: httpx.Client, publisher: RecordingPublisher
) -> None:
    with ThreadPoolExecutor(8) as pool:
        paths = [f"/anything/{n}" for n in range(60)]
        answers = list(pool.map(client.get, paths))

    events = publisher.wait_for(60)
    assert all(answer.status_code == 200 for answer in answers)
    last = {event.url.rpartition("/")[2] for event in events}
    assert last == {str(n) for n in range(60)}


def test_a_flask_stream_reaches_its_client_block_by_block(
    publisher: RecordingPublisher, serve_wsgi: ServeWsgi
) -> None:
    client_has_first = threading.Event()
    app = Flask("shop")

    def stream() -> Response:
        def blocks() -> Iterator[str]:
            yield f"first {request.path}\n"
            # Ends only when the client has the first: a delayed stream would hang here.
            yield f"{client_has_first.wait(10)}\n"

        return Response(stream_with_context(blocks()))

    app.add_url_rule("/stream", "stream", stream)
    port = serve_wsgi(DaybookMiddleware(app, publisher))

    with httpx.stream("GET", f"http://127.0.0.1:{port}/stream") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "first /stream"
        assert publisher.calls == []
        client_has_first.set()
        assert list(lines) == ["True"]

    (event,) = publisher.wait_for(1)
    assert event.response
    assert event.response.body == "first /stream\nTrue\n"


def test_a_client_that_hangs_up_midway_is_a_log(
    publisher: RecordingPublisher, serve_wsgi: ServeWsgi
) -> None:
    app = Flask("shop")

    def endless() -> Response:
        def blocks() -> Iterator[bytes]:
            while True:
                yield b"x" * 10_000

        return Response(blocks())

    app.add_url_rule("/endless", "endless", endless)
    port = serve_wsgi(DaybookMiddleware(app, publisher, body_limit=5))

    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in client.recv(1000)

    (event,) = publisher.wait_for(1)
    assert (event.status_code, event.endpoint) == (200, "GET /endless")
    assert event.response
    assert (event.response.body, event.response.truncated) == ("xxxxx", True)


def test_a_chunked_upload_and_a_big_one(
    publisher: RecordingPublisher, serve_wsgi: ServeWsgi
) -> None:
    app = Flask("shop")

    def upload() -> str:
        return str(sum(map(len, iter(lambda: request.stream.read(65_536), b""))))

    app.add_url_rule("/upload", "upload", upload, methods=["POST"])
    url = f"http://127.0.0.1:{serve_wsgi(DaybookMiddleware(app, publisher))}/upload"

    chunked = httpx.post(url, content=iter([b"ab", b"cde"]))
    big = httpx.post(url, content=b"x" * 5_000_000, timeout=60)

    first, second = publisher.wait_for(2)
    assert (chunked.text, big.text) == ("5", "5000000")
    assert first.request
    assert second.request
    assert (first.request.body, first.request.body_size) == ("abcde", 5)
    assert second.request.body == "x" * 65_536
    assert (second.request.body_size, second.request.truncated) == (5_000_000, True)
