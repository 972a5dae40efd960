"""One attempt: a signed request, and all that is known of what came back."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import httpx
from daybook.runtime.clock import Clock, Stopwatch
from daybook.webhooks.headers import MASK, is_ours, why_refused
from daybook.webhooks.signing import sign

from webhook_dispatcher.answers import (
    GONE,
    ErrorKind,
    Failure,
    of_error,
    of_status,
    of_timeout,
    retry_after_s,
)
from webhook_dispatcher.excerpts import (
    MOST_BYTES,
    Excerpt,
    Headers,
    excerpt,
    kept_headers,
)

log = logging.getLogger(__name__)

DEFAULT_TIMEOUT_S: Final = 10.0
USER_AGENT: Final = "Daybook-Webhooks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An endpoint as it is at this moment."""

    url: str
    # Newest first; more than one while they rotate. Each prefix tells its signature.
    secrets: Sequence[str] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    timeout_s: float = DEFAULT_TIMEOUT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one attempt was, and what came of it."""

    started_at: datetime
    duration_ms: float
    request_headers: Headers  # the endpoint's own are masked
    status_code: int | None = None
    response_headers: Headers | None = None
    response_body: Excerpt | None = None
    error: Failure | None = None
    retry_after_s: float | None = None  # as asked for: the schedule clamps it

    @property
    def sent(self) -> bool:
        """Answered with a 2xx."""
        return self.error is None

    @property
    def gone(self) -> bool:
        """The receiver wants nothing any more: its endpoint is to be disabled."""
        return self.status_code == GONE

    @property
    def final(self) -> bool:
        """Failed in a way that no retry mends."""
        blocked = self.error and self.error.kind is ErrorKind.BLOCKED_ADDRESS
        return self.gone or bool(blocked)


@dataclass(slots=True)
class _Answer:
    """What has gone out and come back so far."""

    sent: Headers
    response: httpx.Response | None = None
    body: bytes = b""
    cut: bool = False
    failure: Failure | None = None


class Sender:
    """Makes attempts, any number at once; remembers nothing of them."""

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        clock: Clock,
        stopwatch: Stopwatch,
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._stopwatch = stopwatch

    async def attempt(
        self,
        target: Target,
        sendout_id: str,
        body: bytes,
        traceparent: str | None = None,
    ) -> Attempt:
        """Send once, and return within the target's timeout, whatever happens.

        A status line in time decides, however its body goes on: that is read up to
        16 KiB, and no longer than the timeout.
        """
        started_at, start = self._clock(), self._stopwatch()
        headers = _headers(target, sendout_id, int(started_at.timestamp()), body)
        if traceparent is not None:
            headers = (*headers, ("traceparent", traceparent))
        answer = await self._exchange(target, headers, body)
        made = Attempt(
            started_at=started_at,
            duration_ms=round((self._stopwatch() - start) * 1000, 3),
            request_headers=_masked(answer.sent, target),
            error=answer.failure,
        )
        if (response := answer.response) is None:
            return made
        error = of_status(response.status_code, response.headers.get("location"))
        asked = response.headers.get("retry-after") if error else None
        return replace(
            made,
            status_code=response.status_code,
            response_headers=kept_headers(response.headers.multi_items()),
            response_body=excerpt(answer.body, truncated=answer.cut),
            error=error,
            retry_after_s=retry_after_s(asked, self._clock()),
        )

    async def _exchange(self, target: Target, headers: Headers, body: bytes) -> _Answer:
        answer = _Answer(sent=headers)
        try:
            request = httpx.Request("POST", target.url, headers=headers, content=body)
            answer.sent = tuple(_text(*header) for header in request.headers.raw)
            async with asyncio.timeout(target.timeout_s):
                answer.response = await self._transport.handle_async_request(request)
                await _read(answer.response, answer)
        except TimeoutError:
            answer.cut = True
            answer.failure = of_timeout(target.timeout_s)
        except httpx.InvalidURL as error:
            words = f"the URL cannot be read: {error}"
            answer.failure = Failure(ErrorKind.BLOCKED_ADDRESS, words)
        except httpx.TransportError as error:
            answer.cut = True
            answer.failure = of_error(error)
        return answer


async def _read(response: httpx.Response, answer: _Answer) -> None:
    try:
        async for chunk in response.aiter_raw():
            answer.body += chunk
            if len(answer.body) > MOST_BYTES:
                answer.cut = True
                return
    finally:
        await response.aclose()


def _headers(target: Target, sendout_id: str, timestamp: int, body: bytes) -> Headers:
    """What is sent beside what frames the request."""
    own: dict[str, str] = {}
    for name, value in target.headers.items():
        if (reason := why_refused(name, value)) is None:
            own[name] = value
        else:  # it passed when the endpoint was made, by the rules of that day
            log.warning("an endpoint's header is left out: %s", reason)
    ours = {
        "Content-Type": "application/json",
        # What is recorded is what came: nothing compressed, nothing to unfold.
        "Accept-Encoding": "identity",
        "webhook-id": sendout_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(target.secrets, sendout_id, timestamp, body),
    }
    if not any(name.lower() == "user-agent" for name in own):
        ours["User-Agent"] = USER_AGENT
    return (*ours.items(), *own.items())


def _masked(headers: Headers, target: Target) -> Headers:
    own = {name.lower() for name in target.headers if not is_ours(name)}
    return kept_headers(
        (name, MASK if name.lower() in own else value) for name, value in headers
    )


def _text(name: bytes, value: bytes) -> tuple[str, str]:
    return name.decode("latin-1"), value.decode("latin-1")
