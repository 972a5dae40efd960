"""Real servers in threads, and an ASGI server made of a script."""

import asyncio
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any
from wsgiref.types import WSGIApplication

import pytest
import uvicorn
from daybook.integrations.asgi import ASGIApp, Message, Scope
from daybook.testing.recording import RecordingPublisher
from werkzeug.serving import WSGIRequestHandler, make_server


@pytest.fixture
def publisher() -> RecordingPublisher:
    return RecordingPublisher()


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


@contextmanager
def _wsgi_server(app: WSGIApplication) -> Generator[int]:
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    server.daemon_threads = True  # pyright: ignore[reportAttributeAccessIssue] # of socketserver's mixin
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def _asgi_server(app: ASGIApp) -> Generator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,  # pyright: ignore[reportArgumentType] # its own spelling of the same protocol
        log_level="critical",
        lifespan="off",
        http="h11",
        loop="asyncio",
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture
def serve_wsgi() -> Generator[Callable[[WSGIApplication], int]]:
    """Serves an application by Werkzeug's threaded server; answers its port."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(_wsgi_server(app))


@pytest.fixture
def serve_asgi() -> Generator[Callable[[ASGIApp], int]]:
    """Serves an application by uvicorn in a thread; answers its port."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(_asgi_server(app))


@pytest.fixture
def call_asgi() -> Callable[..., list[Message]]:
    """Runs one request by hand: given messages in, the messages that came out."""

    def call(
        app: ASGIApp,
        *received: Message,
        method: str = "GET",
        path: str = "/p",
        headers: dict[str, str] | None = None,
        **scope: Any,
    ) -> list[Message]:
        whole: Scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "headers": [
                (name.encode(), value.encode("latin-1"))
                for name, value in (headers or {}).items()
            ],
            "client": ("203.0.113.9", 4711),
            "server": ("shop.test", 80),
            **scope,
        }
        waiting = list(received)
        sent: list[Message] = []

        async def receive() -> Message:
            return waiting.pop(0) if waiting else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        async def run() -> None:
            await app(whole, receive, send)

        asyncio.run(run())
        return sent

    return call
