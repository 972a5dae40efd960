"""Records every request of an ASGI application: FastAPI, Starlette or any other."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, cast
from urllib.parse import quote

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
from daybook.integrations.routes import asgi_route
from daybook.redaction import Redactor
from daybook.runtime.clock import Clock, Stopwatch, monotonic, utc_now

__all__ = ["DaybookMiddleware", "Exchange", "Identify", "Identity", "Skip"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class DaybookMiddleware:
    """Publishes one `RequestCompleted` for each HTTP request that passes.

    Messages pass untouched and at once; what is kept of a body is bounded by
    ``body_limit``. Nothing that fails in here reaches the host or its client.

    ``status_code`` is what the client got: 500 where the application raised (or
    returned) before it answered, since its server answers so; null where the client
    left, or the request was cancelled, before an answer began. An answer that broke off
    has its status and ``truncated``.

    The request's id is ``X-Request-Id`` where it is sane (1 to 128 printable
    characters), else a new UUIDv7; the application finds it in the scope under
    ``daybook.request_id`` and as ``request.state.daybook_request_id``. WebSockets and
    lifespan pass by, and so does a second middleware inside a first.

    Its trace is that of the host's own span, where OpenTelemetry makes one, else of its
    ``traceparent`` header; what the application publishes meanwhile has the same.
    """

    def __init__(
        self,
        app: ASGIApp,
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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        passing: _Passing | None = None
        if scope["type"] == "http" and REQUEST_ID not in scope:
            with self._recorder.quietly.attempt("beginning to record"):
                passing = self._begin(scope, receive, send)
        if passing is None:
            await self.app(scope, receive, send)
            return
        try:
            with InTrace(passing.traceparent):
                await self.app(scope, passing.receive, passing.send)
        except BaseException as error:
            passing.raised(error)
            raise
        else:
            passing.returned()
        finally:
            passing.finish()

    def _begin(self, scope: Scope, receive: Receive, send: Send) -> "_Passing | None":
        recording = self._recorder.begin(_incoming(scope))
        if recording is None:
            return None
        if str(scope.get("http_version", "1.1"))[0] in "23":
            # There a body needs no header to announce it.
            recording.request.complete = False
        scope[REQUEST_ID] = recording.exchange.request_id
        state = scope.setdefault("state", {})
        state["daybook_request_id"] = recording.exchange.request_id
        return _Passing(recording, scope, receive, send)


class _Passing:
    """One request's messages on their way through."""

    def __init__(
        self, recording: Recording, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._recording = recording
        self._scope = scope
        self._root_path = str(scope.get("root_path") or "")
        self._receive = receive
        self._send = send
        self._client_left = False
        self._trailers = False

    @property
    def traceparent(self) -> str | None:
        return self._recording.traceparent

    async def receive(self) -> Message:
        message = await self._receive()
        with self._recording.quietly.attempt("recording a request's body"):
            self._received(message)
        return message

    def _received(self, message: Message) -> None:
        if message["type"] == "http.request":
            body = self._recording.request
            body.add(message.get("body", b""))
            body.complete = not message.get("more_body", False)
        elif message["type"] == "http.disconnect":
            self._client_left = True

    async def send(self, message: Message) -> None:
        try:
            await self._send(message)
        except OSError:
            self._client_left = True
            raise
        over = False
        with self._recording.quietly.attempt("recording a response"):
            over = self._sent(message)
        if over:
            # Now, not when the application returns: background tasks may run for long.
            self._recording.response.complete = True
            self._recording.ended()
            self.finish()

    def _sent(self, message: Message) -> bool:
        """Take note of a message that passed; answers whether it was the last."""
        body = self._recording.response
        match message["type"]:
            case "http.response.start":
                self._trailers = bool(message.get("trailers", False))
                if not self._client_left:
                    headers = [
                        (header_text(name), header_text(value))
                        for name, value in message.get("headers", ())
                    ]
                    self._recording.answered(message["status"], headers)
            case "http.response.body":
                body.add(message.get("body", b""))
                return not message.get("more_body", False) and not self._trailers
            case "http.response.zerocopysend":
                body.unseen = True
                return not message.get("more_body", False) and not self._trailers
            case "http.response.pathsend":
                body.unseen = True
                return not self._trailers
            case "http.response.trailers":
                return not message.get("more_trailers", False)
            case _:
                pass
        return False

    def raised(self, error: BaseException) -> None:
        # A cancellation is none of these: nobody answers it.
        if isinstance(error, Exception):
            self.returned()

    def returned(self) -> None:
        if self._recording.status_code is None and not self._client_left:
            self._recording.answered(500, [])

    def finish(self) -> None:
        self._recording.finish(lambda: asgi_route(self._scope, self._root_path))


def _incoming(scope: Scope) -> Incoming:
    headers = [
        (header_text(name), header_text(value)) for name, value in scope["headers"]
    ]
    client = cast("tuple[str, int] | None", scope.get("client"))
    root_path = str(scope.get("root_path") or "")
    path = str(scope["path"])
    raw_path = cast("bytes | None", scope.get("raw_path"))
    asked = (
        raw_path.decode("latin-1") if raw_path else quote(path, safe="/:@!$&'()*+,;=~")
    )
    if root_path and not path.startswith(root_path):
        # A proxy in front took its prefix off: the client asked with it.
        path, asked = root_path + path, quote(root_path) + asked
    query = cast("bytes", scope.get("query_string", b"")).decode("latin-1")
    url = f"{scope.get('scheme', 'http')}://{_host(scope, headers)}{asked}"
    return Incoming(
        method=scope["method"],
        url=f"{url}?{query}" if query else url,
        path=path,
        headers=headers,
        peer=client[0] if client else None,
        native=scope,
    )


def _host(scope: Scope, headers: list[tuple[str, str]]) -> str:
    for name, value in headers:
        if name == "host":
            return value
    server = cast("tuple[str, int | None] | None", scope.get("server"))
    if not server or server[1] is None:
        return "localhost"
    name, port = server
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
