"""From an exchange that passed to one published event: what ASGI and WSGI share."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from uuid_utils import uuid7

from daybook.client.publisher import Publisher
from daybook.client.tracing import span_traceparent
from daybook.events.request import HttpMessage, RequestCompleted
from daybook.events.traceparent import traceparent_of
from daybook.integrations.bodies import BodyTap, describe
from daybook.integrations.exchange import Exchange, Identify, Identity, Skip
from daybook.integrations.quietly import Quietly
from daybook.redaction import Redactor
from daybook.runtime.clock import Clock, Stopwatch, monotonic, utc_now

# Where the host's code finds the request's id: in the ASGI scope and the WSGI environ.
REQUEST_ID = "daybook.request_id"

Headers = Sequence[tuple[str, str]]

_SANE_ID = re.compile(r"[\x21-\x7e]{1,128}")
_WITHHELD = "[withheld: it could not be redacted]"
# Answers that have no body on the wire, whatever the host hands to its server.
_BODILESS = frozenset({204, 304})


def new_uuid7() -> str:
    return str(uuid7())


@dataclass(frozen=True)
class Options:
    """How requests are recorded; the middleware's keyword arguments by another name."""

    project_id: str | None = None
    channel: str | None = "API"
    redactor: Redactor = field(default_factory=Redactor)
    body_limit: int = 64 * 1024
    identify: Identify | None = None
    skip: Skip | Callable[[Exchange], bool] | None = None
    trusted_proxies: int = 0
    clock: Clock = utc_now
    stopwatch: Stopwatch = monotonic
    new_id: Callable[[], str] = new_uuid7


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as its server handed it over."""

    method: str
    url: str
    path: str
    headers: Headers
    peer: str | None
    native: Mapping[str, Any]


class Recording:
    """One exchange while it passes. Not thread-safe; `finish` publishes once."""

    def __init__(
        self, recorder: "Recorder", incoming: Incoming, exchange: Exchange
    ) -> None:
        options = recorder.options
        self._recorder = recorder
        self._incoming = incoming
        self.exchange = exchange
        self.quietly = recorder.quietly
        self.request = BodyTap(options.body_limit)
        self.response = BodyTap(options.body_limit)
        self.status_code: int | None = None
        self._response_headers: Headers | None = None
        self._time: datetime = options.clock()
        self._began = options.stopwatch()
        self._ended: float | None = None
        self._finished = False
        self.traceparent = traceparent_of(exchange.headers.get("traceparent"))
        """The trace that the client asked in, where it said so."""
        self._span = span_traceparent()
        self.declared_size = _declared_size(incoming.headers)
        if self.declared_size == 0 or (
            self.declared_size is None and "transfer-encoding" not in exchange.headers
        ):
            self.request.complete = True

    def answered(self, status_code: int, headers: Headers) -> None:
        """The answer has begun; called again, the later one is what the client got."""
        self.status_code = status_code
        self._response_headers = headers
        # The host's own span may be made inside of this middleware.
        self._span = self._span or span_traceparent()

    def ended(self) -> None:
        """The last byte has passed: the duration ends here."""
        self._ended = self._recorder.options.stopwatch()

    def finish(self, endpoint: Callable[[], str | None]) -> None:
        """Publish what passed. Never raises; further calls do nothing."""
        if self._finished:
            return
        self._finished = True
        with self.quietly.attempt("recording a request"):
            self._publish(endpoint)

    def _publish(self, find_endpoint: Callable[[], str | None]) -> None:
        options, incoming = self._recorder.options, self._incoming
        ended = options.stopwatch() if self._ended is None else self._ended
        endpoint = None
        with self.quietly.attempt("looking for a route"):
            if template := find_endpoint():
                endpoint = f"{incoming.method} {template}"
        identity = self._identify(endpoint)
        url, agent = _WITHHELD, None
        with self.quietly.attempt("redacting a URL"):
            url = options.redactor.redact_value(incoming.url)
            if (agent := self.exchange.headers.get("user-agent")) is not None:
                agent = options.redactor.redact_value(agent)
        event = RequestCompleted(
            request_id=self.exchange.request_id,
            method=incoming.method,
            url=url,
            endpoint=endpoint,
            status_code=self.status_code,
            duration_ms=round(max(0.0, ended - self._began) * 1000, 3),
            channel=identity.channel or options.channel,
            user=identity.user,
            api_key=identity.api_key,
            client_ip=self.exchange.client_ip,
            user_agent=agent,
            request=self._describe(self.request, incoming.headers, self.declared_size),
            response=self._response(),
            task_id=identity.task_id,
            import_file_id=identity.import_file_id,
            resource=identity.resource,
        )
        self._recorder.publisher.publish(
            event,
            project_id=identity.project_id or options.project_id,
            time=self._time,
            traceparent=self._span or self.traceparent,
        )

    def _identify(self, endpoint: str | None) -> Identity:
        identify = self._recorder.options.identify
        if identify is not None:
            with self.quietly.attempt("identifying a request"):
                exchange = replace(
                    self.exchange, status_code=self.status_code, endpoint=endpoint
                )
                return _checked(identify(exchange))
        return Identity()

    def _response(self) -> HttpMessage | None:
        headers, tap = self._response_headers, self.response
        if self.status_code is None or headers is None:
            return None
        if self._incoming.method == "HEAD" or self.status_code in _BODILESS:
            tap = BodyTap(0)
            tap.complete = True
        declared = _declared_size(headers)
        if declared is None and not tap.unseen:
            declared = tap.seen
        return self._describe(tap, headers, declared)

    def _describe(
        self, tap: BodyTap, headers: Headers, declared_size: int | None
    ) -> HttpMessage:
        options = self._recorder.options
        with self.quietly.attempt("redacting a body"):
            return describe(
                tap,
                headers,
                limit=options.body_limit,
                redactor=options.redactor,
                declared_size=declared_size,
            )
        return HttpMessage(body=_WITHHELD, body_size=tap.seen)


class Recorder:
    """Begins recordings. One per middleware; safe from many threads."""

    def __init__(self, publisher: Publisher, options: Options) -> None:
        self.publisher = publisher
        self.options = options
        self.quietly = Quietly(options.stopwatch)

    def begin(self, incoming: Incoming) -> Recording | None:
        """None for a request that is skipped. May raise only by ``new_id``."""
        headers = {name.lower(): value for name, value in incoming.headers}
        given_id = headers.get("x-request-id", "")
        exchange = Exchange(
            request_id=given_id
            if _SANE_ID.fullmatch(given_id)
            else self.options.new_id(),
            method=incoming.method,
            path=incoming.path,
            headers=headers,
            client_ip=self._client_ip(incoming.peer, incoming.headers),
            native=incoming.native,
        )
        if self.options.skip is not None:
            # A rule that fails skips nothing: rather one log too many.
            with self.quietly.attempt("asking a skip rule"):
                if self.options.skip(exchange):
                    return None
        return Recording(self, incoming, exchange)

    def _client_ip(self, peer: str | None, headers: Headers) -> str | None:
        """The address before the proxies we were told to trust, else the peer's."""
        trusted = self.options.trusted_proxies
        if trusted > 0:
            listed = ",".join(v for n, v in headers if n.lower() == "x-forwarded-for")
            hops = [hop.strip() for hop in listed.split(",") if hop.strip()]
            if hops:
                return hops[-min(trusted, len(hops))][:64]
        return peer


def _checked(identity: object) -> Identity:
    if identity is None:
        return Identity()
    if not isinstance(identity, Identity):
        message = f"identify answered {type(identity).__name__}, not Identity"
        raise TypeError(message)
    return identity


def _declared_size(headers: Headers) -> int | None:
    for name, value in headers:
        if name.lower() == "content-length":
            size = value.strip()
            return int(size) if size.isascii() and size.isdigit() else None
    return None


def header_text(raw: bytes) -> str:
    """A header's bytes as text: UTF-8 where they are that, else one character each."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
