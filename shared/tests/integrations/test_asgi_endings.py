"""However an exchange ends, it is one log."""

import asyncio
from collections.abc import Callable

import pytest
from daybook.integrations.asgi import DaybookMiddleware, Message, Receive, Scope, Send
from daybook.testing.recording import RecordingPublisher
from daybook.testing.scripted import Answering, body, request, start

CallAsgi = Callable[..., list[Message]]


def test_a_handler_that_raises_is_a_log_and_its_exception_passes(
    publisher: RecordingPublisher, call_asgi: CallAsgi
) -> None:
    async def raising(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        call_asgi(DaybookMiddleware(raising, publisher))

    assert publisher.only.status_code == 500


def test_an_answer_that_breaks_off_keeps_its_status(
    publisher: RecordingPublisher, call_asgi: CallAsgi
) -> None:
    async def raising(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200, content_length="10"))
        await send(body(b"abc", more=True))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        call_asgi(DaybookMiddleware(raising, publisher))

    response = publisher.only.response
    assert response
    assert publisher.only.status_code == 200
    assert (response.body, response.truncated, response.body_size) == ("abc", True, 10)


def test_an_application_that_answers_nothing_is_a_500(
    publisher: RecordingPublisher, call_asgi: CallAsgi
) -> None:
    call_asgi(DaybookMiddleware(Answering(), publisher))

    assert publisher.only.status_code == 500


def test_a_client_that_leaves_before_the_answer_has_no_status(
    publisher: RecordingPublisher, call_asgi: CallAsgi
) -> None:
    app = DaybookMiddleware(Answering(start(), body(b"late"), reads=2), publisher)

    call_asgi(
        app, request(b"ab", more=True), method="POST", headers={"content-length": "9"}
    )

    event = publisher.only
    assert event.status_code is None
    assert event.response is None
    assert event.request
    assert (event.request.body, event.request.body_size) == ("ab", 9)
    assert event.request.truncated is True


async def test_a_cancelled_request_is_a_log_without_a_status(
    publisher: RecordingPublisher,
) -> None:
    async def hanging(scope: Scope, receive: Receive, send: Send) -> None:
        began.set()
        await asyncio.Event().wait()

    async def never() -> Message:
        return request()

    async def drop(message: Message) -> None:
        del message

    began = asyncio.Event()
    app = DaybookMiddleware(hanging, publisher)
    scope: Scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    task = asyncio.ensure_future(app(scope, never, drop))
    await began.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert publisher.only.status_code is None


async def test_a_send_that_fails_tells_that_the_client_left(
    publisher: RecordingPublisher,
) -> None:
    async def broken(message: Message) -> None:
        raise BrokenPipeError

    async def nothing() -> Message:
        return request()

    app = DaybookMiddleware(Answering(start(), body()), publisher)
    scope: Scope = {"type": "http", "method": "GET", "path": "/", "headers": []}

    with pytest.raises(BrokenPipeError):
        await app(scope, nothing, broken)

    assert publisher.only.status_code is None


def test_background_work_after_the_last_byte_delays_no_log(
    publisher: RecordingPublisher, call_asgi: CallAsgi
) -> None:
    seen: list[int] = []

    async def working(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"x"))
        seen.append(len(publisher.calls))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        call_asgi(DaybookMiddleware(working, publisher))

    assert seen == [1]
    assert publisher.only.status_code == 200
