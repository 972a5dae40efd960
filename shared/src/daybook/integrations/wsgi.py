"""Records every request of a WSGI application: Flask or any other."""

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import cast
from urllib.parse import quote
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from daybook.client.publisher import Publisher
from daybook.client.tracing import InTrace
from daybook.integrations.exchange import Exchange, Identify, Identity, Skip
from daybook.integrations.recorder import (
    REQUEST_ID,
    Incoming,
    Options,
    Recorder,
    Recording,
    header_text,
    new_uuid7,
)
from daybook.integrations.routes import wsgi_route
from daybook.integrations.wsgi_input import RecordedInput
from daybook.redaction import Redactor
from daybook.runtime.clock import Clock, Stopwatch, monotonic, utc_now

__all__ = ["DaybookMiddleware", "Exchange", "Identify", "Identity", "Skip"]

ExcInfo = (
    tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
)


class DaybookMiddleware:
    """Publishes one `RequestCompleted` for each request that passes.

    Every block passes untouched and at once; what is kept of a body is bounded by
    ``body_limit``. Nothing that fails in here reaches the host or its client. The event
    is published when the server closes the response, as PEP 3333 demands of it.

    ``status_code`` is what the client got: 500 where the application raised before any
    byte of its answer passed, since its server answers so. An answer that broke off has
    its status and ``truncated``. Header names are in lower case: WSGI does not hand on
    their spelling.

    The request's id is ``X-Request-Id`` where it is sane (1 to 128 printable
    characters), else a new UUIDv7; the application finds it in the environ under
    ``daybook.request_id``. A second middleware inside a first passes by.

    Its trace is that of the host's own span, where OpenTelemetry makes one, else of its
    ``traceparent`` header; what the application publishes meanwhile has the same.
    """

    def __init__(
        self,
        app: WSGIApplication,
        publisher: Publisher,
        *,
        project_id: str | None = None,
        channel: str | None = "API",
        redactor: Redactor | None = None,
        body_limit: int = 64 * 1024,
        identify: Identify | None = None,
        skip: Skip | Callable[[Exchange], bool] | None = None,
        trusted_proxies: int = 0,
        clock: Clock = utc_now,
        stopwatch: Stopwatch = monotonic,
        new_id: Callable[[], str] = new_uuid7,
    ) -> None:
        self.app = app
        self._recorder = Recorder(
            publisher,
            Options(
                project_id=project_id,
                channel=channel,
                redactor=redactor or Redactor(),
                body_limit=body_limit,
                identify=identify,
                skip=skip,
                trusted_proxies=trusted_proxies,
                clock=clock,
                stopwatch=stopwatch,
                new_id=new_id,
            ),
        )

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        passing: _Passing | None = None
        if REQUEST_ID not in environ:
            with self._recorder.quietly.attempt("beginning to record"):
                passing = self._begin(environ, start_response)
        if passing is None:
            return self.app(environ, start_response)
        try:
            with InTrace(passing.traceparent):
                body = self.app(environ, passing.start_response)
        except BaseException as error:
            passing.raised(error)
            passing.finish()
            raise
        # Servers ask a body for its length, to send a single block with its size.
        return (_SizedBlocks if hasattr(body, "__len__") else _Blocks)(body, passing)

    def _begin(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> "_Passing | None":
        recording = self._recorder.begin(_incoming(environ))
        if recording is None:
            return None
        environ[REQUEST_ID] = recording.exchange.request_id
        passing = _Passing(recording, environ, start_response)
        if "wsgi.input" in environ:
            environ["wsgi.input"] = RecordedInput(environ["wsgi.input"], recording)
        return passing


class _Passing:
    """One request on its way through."""

    def __init__(
        self,
        recording: Recording,
        environ: WSGIEnvironment,
        start_response: StartResponse,
    ) -> None:
        self._recording = recording
        self._environ = environ
        self._script_name = str(environ.get("SCRIPT_NAME", ""))
        self._start_response = start_response
        self._route: str | None = None

    @property
    def traceparent(self) -> str | None:
        return self._recording.traceparent

    def start_response(
        self,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: ExcInfo | None = None,
        /,
    ) -> Callable[[bytes], object]:
        # With exc_info the server raises here if it has sent its headers already.
        write = (
            self._start_response(status, headers)
            if exc_info is None
            else self._start_response(status, headers, exc_info)
        )
        with self._recording.quietly.attempt("recording a response"):
            spelled = [(name, _rewrite(value)) for name, value in headers]
            # Flask takes its request back from the environ once it has answered.
            self._route = wsgi_route(self._environ, self._script_name)
            self._recording.answered(int(status.split(None, 1)[0]), spelled)

        def write_and_note(block: bytes) -> object:
            written = write(block)
            self.passed(block)
            return written

        return write_and_note

    def passed(self, block: bytes) -> None:
        with self._recording.quietly.attempt("recording a response"):
            self._recording.response.add(block)

    def completed(self) -> None:
        self._recording.response.complete = True
        self._recording.ended()

    def raised(self, error: BaseException) -> None:
        if isinstance(error, Exception) and not self._recording.response.seen:
            self._recording.answered(500, [])

    def finish(self) -> None:
        self._recording.finish(
            lambda: self._route or wsgi_route(self._environ, self._script_name)
        )


class _Blocks:
    """The application's iterable, block by block, closed where the server closes it."""

    def __init__(self, body: Iterable[bytes], passing: _Passing) -> None:
        self._body = body
        self._passing = passing
        self._iterator: Iterator[bytes] | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            # Blocks may be made as they are asked for, by more of the host's code.
            with InTrace(self._passing.traceparent):
                if self._iterator is None:
                    self._iterator = iter(self._body)
                block = next(self._iterator)
        except StopIteration:
            self._passing.completed()
            raise
        except BaseException as error:
            self._passing.raised(error)
            raise
        self._passing.passed(block)
        return block

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        finally:
            self._passing.finish()

    def __del__(self) -> None:
        # A server that forgets to close must not cost the log.
        self._passing.finish()


class _SizedBlocks(_Blocks):
    def __len__(self) -> int:
        return len(cast("list[bytes]", self._body))


def _incoming(environ: WSGIEnvironment) -> Incoming:
    headers = [
        (name[5:].replace("_", "-").lower(), _rewrite(value))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if value := environ.get(name):
            headers.append((name.replace("_", "-").lower(), _rewrite(value)))
    raw_path = str(environ.get("SCRIPT_NAME", "")) + str(environ.get("PATH_INFO", ""))
    # Servers that keep the request line as it came put it here.
    asked = str(environ.get("REQUEST_URI") or environ.get("RAW_URI") or "")
    if not asked:
        asked = quote(raw_path.encode("latin-1"), safe="/:@!$&'()*+,;=~") or "/"
        if query := environ.get("QUERY_STRING"):
            asked += f"?{query}"
    if asked.startswith("/"):
        asked = f"{environ.get('wsgi.url_scheme', 'http')}://{_host(environ)}{asked}"
    return Incoming(
        method=environ["REQUEST_METHOD"],
        url=_rewrite(asked),
        path=_rewrite(raw_path),
        headers=headers,
        peer=environ.get("REMOTE_ADDR") or None,
        native=environ,
    )


def _host(environ: WSGIEnvironment) -> str:
    if host := environ.get("HTTP_HOST"):
        return str(host)
    return f"{environ.get('SERVER_NAME', 'localhost')}:{environ.get('SERVER_PORT', 80)}"


def _rewrite(text: str) -> str:
    """WSGI's one character a byte, turned into the text that it was."""
    return text if text.isascii() else header_text(text.encode("latin-1", "replace"))
