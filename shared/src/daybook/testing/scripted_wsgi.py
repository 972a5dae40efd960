"""A WSGI server without a network, and the smallest application."""

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment
from wsgiref.util import setup_testing_defaults

TEXT = [("Content-Type", "text/plain")]


class Server:
    """Calls an application as PEP 3333 wants, keeping what it was answered."""

    def __init__(self, **environ: Any) -> None:
        self.environ: WSGIEnvironment = dict(environ)
        setup_testing_defaults(self.environ)
        self.written: list[bytes] = []
        self.started: list[tuple[Any, ...]] = []

    def start_response(self, *arguments: Any) -> Callable[[bytes], object]:
        if len(arguments) == 3 and arguments[2] and self.written:
            raise arguments[2][1]
        self.started.append(arguments)
        return self.written.append

    def call(self, app: WSGIApplication, blocks: int | None = None) -> list[bytes]:
        body = app(self.environ, self.start_response)
        try:
            for number, block in enumerate(body):
                self.written.append(block)
                if number + 1 == blocks:
                    break
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
        return self.written


def hello(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answers ``hello``, whatever it is asked."""
    start_response("200 OK", TEXT)
    return [b"hello"]
