"""The WSGI middleware, call by call."""

import io
from collections.abc import Iterable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest
from daybook.integrations.wsgi import DaybookMiddleware, Exchange, Identity
from daybook.testing.recording import RecordingPublisher
from daybook.testing.scripted_wsgi import TEXT, Server, hello


def test_a_request_becomes_one_event(publisher: RecordingPublisher) -> None:
    server = Server(
        REQUEST_METHOD="POST",
        SCRIPT_NAME="/api",
        PATH_INFO="/caf\xc3\xa9 x",
        QUERY_STRING="token=abc&a=%zz",
        HTTP_HOST="shop.test",
        HTTP_X_APP_TOKEN="abc",
        HTTP_USER_AGENT="curl/8",
        HTTP_X_REQUEST_ID="req-1",
        CONTENT_TYPE="application/json",
        CONTENT_LENGTH="16",
        REMOTE_ADDR="203.0.113.9",
        **{"wsgi.input": io.BytesIO(b'{"password":"x"}')},
    )

    def reading(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        environ["wsgi.input"].read(16)
        assert environ["daybook.request_id"] == "req-1"
        return hello(environ, start)

    assert server.call(DaybookMiddleware(reading, publisher)) == [b"hello"]

    event = publisher.only
    assert event.url == "http://shop.test/api/caf%C3%A9%20x?token=***&a=%zz"
    assert (event.status_code, event.client_ip) == (200, "203.0.113.9")
    assert (event.request_id, event.user_agent) == ("req-1", "curl/8")
    assert event.request
    assert event.response
    assert (event.request.body, event.request.body_size) == ('{"password":"*"}', 16)
    assert event.request.truncated is False
    assert ["x-app-token", "***"] in (event.request.headers or [])
    assert (event.response.body, event.response.truncated) == ("hello", False)
    assert event.response.content_type == "text/plain"


def test_a_validator_on_both_sides_finds_no_fault(
    publisher: RecordingPublisher,
) -> None:
    server = Server(
        **{"wsgi.input": io.BytesIO(b"a\nb")}, CONTENT_LENGTH="3", QUERY_STRING=""
    )

    def reading(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        environ["wsgi.input"].read(3)
        return hello(environ, start)

    app = validator(DaybookMiddleware(validator(reading), publisher))

    assert server.call(app) == [b"hello"]
    assert publisher.only.request
    assert publisher.only.request.body == "a\nb"


def test_a_list_keeps_its_length_for_the_server(publisher: RecordingPublisher) -> None:
    server = Server()

    body: Any = DaybookMiddleware(hello, publisher)(
        server.environ, server.start_response
    )

    assert len(body) == 1
    body.close()


def test_a_generator_is_lazy_and_closed_early_is_a_log(
    publisher: RecordingPublisher,
) -> None:
    steps: list[str] = []

    def lazy(environ: WSGIEnvironment, start: StartResponse) -> Iterator[bytes]:
        start("200 OK", TEXT)
        try:
            yield b"one"
            steps.append("asked for more")
            yield b"two"
        finally:
            steps.append("closed")

    assert Server().call(DaybookMiddleware(lazy, publisher), blocks=1) == [b"one"]

    response = publisher.only.response
    assert steps == ["closed"]
    assert publisher.only.status_code == 200
    assert response
    assert (response.body, response.truncated) == ("one", True)


def test_a_server_that_never_closes_costs_no_log(publisher: RecordingPublisher) -> None:
    server = Server()

    body = DaybookMiddleware(hello, publisher)(server.environ, server.start_response)
    assert b"".join(body) == b"hello"
    del body

    assert publisher.only.status_code == 200


@pytest.mark.parametrize("answered", [False, True])
def test_an_application_that_raises_before_any_byte_is_a_500(
    publisher: RecordingPublisher, answered: bool
) -> None:
    def raising(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if answered:
            start("200 OK", TEXT)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Server().call(DaybookMiddleware(raising, publisher))

    assert publisher.only.status_code == 500


def test_an_answer_that_breaks_off_keeps_its_status(
    publisher: RecordingPublisher,
) -> None:
    def raising(environ: WSGIEnvironment, start: StartResponse) -> Iterator[bytes]:
        start("200 OK", [*TEXT, ("Content-Length", "10")])
        yield b"abc"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Server().call(DaybookMiddleware(raising, publisher))

    response = publisher.only.response
    assert publisher.only.status_code == 200
    assert response
    assert (response.body, response.truncated, response.body_size) == ("abc", True, 10)


def test_a_second_start_with_an_error_replaces_the_first(
    publisher: RecordingPublisher,
) -> None:
    def changing(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        start("200 OK", TEXT)
        try:
            raise ZeroDivisionError
        except ZeroDivisionError as error:
            caught = (ZeroDivisionError, error, error.__traceback__)
            start("503 Later", TEXT, caught)  # pyright: ignore[reportArgumentType] # a traceback is there
        return [b"sorry"]

    server = Server()
    server.call(DaybookMiddleware(changing, publisher))

    assert [arguments[0] for arguments in server.started] == ["200 OK", "503 Later"]
    assert publisher.only.status_code == 503


def test_write_is_recorded(publisher: RecordingPublisher) -> None:
    def writing(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        write = start("200 OK", TEXT)
        write(b"one ")
        return [b"two"]

    assert Server().call(DaybookMiddleware(writing, publisher)) == [b"one ", b"two"]

    assert publisher.only.response
    assert publisher.only.response.body == "one two"


def test_a_file_wrapper_works_and_its_file_is_closed(
    publisher: RecordingPublisher,
) -> None:
    file = io.BytesIO(b"x" * 20_000)

    def sending(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        start("200 OK", TEXT)
        return environ["wsgi.file_wrapper"](file, 8192)

    server = Server(**{"wsgi.file_wrapper": FileWrapper})

    assert len(b"".join(server.call(DaybookMiddleware(sending, publisher)))) == 20_000
    assert file.closed
    assert publisher.only.response
    assert publisher.only.response.body_size == 20_000


@pytest.mark.parametrize(("method", "status"), [("HEAD", "200 OK"), ("GET", "304 x")])
def test_an_answer_without_a_body_has_size_zero(
    publisher: RecordingPublisher, method: str, status: str
) -> None:
    def answering(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        start(status, [("Content-Length", "5")])
        return [b"hello"]

    Server(REQUEST_METHOD=method).call(DaybookMiddleware(answering, publisher))

    response = publisher.only.response
    assert response
    assert (response.body, response.body_size) == (None, 0)


def test_skipped_requests_and_a_second_middleware_pass_by(
    publisher: RecordingPublisher,
) -> None:
    inner = DaybookMiddleware(hello, publisher)
    skipping = DaybookMiddleware(hello, publisher, skip=lambda exchange: True)

    assert Server().call(skipping) == [b"hello"]
    assert publisher.calls == []
    Server().call(DaybookMiddleware(inner, publisher))
    assert len(publisher.calls) == 1


def test_identify_reads_what_the_application_left_in_the_environ(
    publisher: RecordingPublisher,
) -> None:
    def working(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        environ["shop.task"] = "t1"
        return hello(environ, start)

    def identify(exchange: Exchange) -> Identity:
        return Identity(task_id=exchange.native["shop.task"])

    Server().call(DaybookMiddleware(working, publisher, identify=identify))

    assert publisher.only.task_id == "t1"


def test_a_fault_of_ours_reaches_nobody() -> None:
    broken: Any = object()

    assert Server().call(DaybookMiddleware(hello, broken)) == [b"hello"]
    assert Server().call(
        DaybookMiddleware(hello, broken, new_id=broken, clock=broken)
    ) == [b"hello"]
