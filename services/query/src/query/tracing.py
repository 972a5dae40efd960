"""Each request in its trace: that of its header, or one that begins here."""

from daybook.client.tracing import InTrace
from daybook.events.traceparent import traceparent_of
from daybook.runtime.tracing import Span, Tracer
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from query.edge import STATIC, method_of, route_of

# Asked all day by what watches the process; nobody looks for them in a trace.
_UNTRACED = frozenset({"/livez", "/readyz", "/metrics"})


class Traces:
    """A span a request, where they are made; what it asks for belongs to its trace."""

    def __init__(self, app: ASGIApp, *, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _is_untraced(scope["path"]):
            await self._app(scope, receive, send)
            return
        parent = traceparent_of(Headers(scope=scope).get("traceparent"))
        method = method_of(scope)
        facts = {"http.request.method": method}
        with (
            self._tracer.span(method, "server", parent=parent, facts=facts) as span,
            InTrace(span.traceparent),
        ):
            try:
                await self._app(scope, receive, _telling(send, span))
            finally:
                route = route_of(scope)
                span.tell({"http.route": route}, name=f"{method} {route}")


def _is_untraced(path: str) -> bool:
    return path in _UNTRACED or path.startswith(f"{STATIC}/")


def _telling(send: Send, span: Span) -> Send:
    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            status: int = message["status"]
            span.tell({"http.response.status_code": status})
            if status >= 500:
                span.fail(str(status))
        await send(message)

    return send_on
