"""What every answer has, whatever made it: an id, safe headers, a measurement."""

import asyncio
import logging
import re
from collections.abc import Callable

from daybook.runtime.clock import Stopwatch
from daybook.runtime.metrics import QueryMetrics
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from query.api.errors import unexpected

logger = logging.getLogger(__name__)

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# What answers where no route of ours does, as metrics name it.
STATIC, UNMATCHED = "/static", "unmatched"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# What runs in our pages is our own files, nothing comes from elsewhere or goes there:
# what a log holds was written by strangers.
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; "
        "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Edge:
    """The outermost layer: it answers even what nothing else could."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: QueryMetrics,
        stopwatch: Stopwatch,
        make_id: Callable[[], str],
        stopping: asyncio.Event,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._stopwatch = stopwatch
        self._make_id = make_id
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _SANE_REQUEST_ID.fullmatch(given) else self._make_id()
        scope.setdefault("state", {})["request_id"] = request_id
        started, status = self._stopwatch(), 0
        took: float | None = None

        async def send_with_headers(message: Message) -> None:
            nonlocal status, took
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                # A stream lasts as long as somebody watches: its start is the answer.
                if headers.get("content-type", "").startswith("text/event-stream"):
                    took = self._stopwatch() - started
                headers["x-request-id"] = request_id
                if self._stopping.is_set():
                    headers["connection"] = "close"
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                # What a project holds is for who asked, not for a cache on the way.
                fixed = scope["path"].startswith("/static/")
                headers.setdefault("cache-control", "no-cache" if fixed else "no-store")
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        # Whatever it was: the client gets an answer and the log gets the reason.
        except Exception:
            if status:
                raise
            logger.exception("request %s failed", request_id)
            await unexpected(request_id)(scope, receive, send_with_headers)
        finally:
            if took is None:
                took = self._stopwatch() - started
            self._metrics.answered(route_of(scope), method_of(scope), status, took)


def method_of(scope: Scope) -> str:
    """The request's method, or OTHER."""
    return scope["method"] if scope["method"] in _METHODS else "OTHER"


def route_of(scope: Scope) -> str:
    """What answered it, once it has."""
    # A label for each made-up path would fill the memory of whoever stores metrics.
    path = getattr(scope.get("route"), "path", None)
    if isinstance(path, str) and path:
        return path
    return STATIC if scope["path"].startswith(f"{STATIC}/") else UNMATCHED
