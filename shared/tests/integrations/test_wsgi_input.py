"""The request's body, recorded however the application reads it."""

import io
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from daybook.integrations.wsgi import DaybookMiddleware
from daybook.testing.recording import RecordingPublisher
from daybook.testing.scripted_wsgi import Server, hello

READERS: dict[str, Callable[[Any], bytes]] = {
    "read": lambda stream: stream.read(),
    "read in pieces": lambda stream: b"".join(iter(lambda: stream.read(2), b"")),
    "readline": lambda stream: b"".join(iter(stream.readline, b"")),
    "readlines": lambda stream: b"".join(stream.readlines()),
    "iteration": b"".join,
    "readinto": lambda stream: io.BufferedReader(stream).read(),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("declared", [True, False])
def test_the_request_is_recorded_however_it_is_read(
    publisher: RecordingPublisher, reader: str, declared: bool
) -> None:
    server = Server(**{"wsgi.input": io.BytesIO(b"ab\ncd\ne")})
    if declared:
        server.environ["CONTENT_LENGTH"] = "7"
    else:
        server.environ["HTTP_TRANSFER_ENCODING"] = "chunked"
    got: list[bytes] = []

    def reading(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        got.append(READERS[reader](environ["wsgi.input"]))
        return hello(environ, start)

    server.call(DaybookMiddleware(reading, publisher))

    request = publisher.only.request
    assert got == [b"ab\ncd\ne"]
    assert request
    assert (request.body, request.body_size) == ("ab\ncd\ne", 7)
    assert request.truncated is False


def test_a_body_that_the_application_never_read_has_its_declared_size(
    publisher: RecordingPublisher,
) -> None:
    server = Server(**{"wsgi.input": io.BytesIO(b"abc")}, CONTENT_LENGTH="3")

    server.call(DaybookMiddleware(hello, publisher))

    request = publisher.only.request
    assert request
    assert (request.body, request.body_size, request.truncated) == (None, 3, True)


def test_a_client_that_hangs_up_midway_through_its_request_is_a_log(
    publisher: RecordingPublisher,
) -> None:
    server = Server(**{"wsgi.input": io.BytesIO(b"abc")}, CONTENT_LENGTH="9")

    def reading(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        environ["wsgi.input"].read(9)
        return hello(environ, start)

    server.call(DaybookMiddleware(reading, publisher))

    request = publisher.only.request
    assert request
    assert (request.body, request.body_size, request.truncated) == ("abc", 9, True)
