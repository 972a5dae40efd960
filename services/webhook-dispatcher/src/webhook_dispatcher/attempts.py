"""An attempt to deliver a sendout: its endpoint's secrets opened, then sent."""

import logging
from dataclasses import dataclass
from datetime import datetime

from daybook.runtime.clock import Clock
from daybook.runtime.mongo import Document
from daybook.runtime.tracing import Tracer
from daybook.webhooks.envelope import sendout_body
from daybook.webhooks.sealing import Box, SealError

from webhook_dispatcher.answers import ErrorKind, Failure
from webhook_dispatcher.endpoints import Endpoint
from webhook_dispatcher.sender import Attempt, Sender

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempts:
    """Makes attempts, any number at once; each ends, whatever happens."""

    sender: Sender
    box: Box
    clock: Clock
    tracer: Tracer

    async def make(self, endpoint: Endpoint, sendout: Document) -> Attempt:
        """Send once, as the endpoint is now, in the trace of the sendout's event."""
        with self.tracer.span(
            "deliver webhook",
            "client",
            parent=sendout.get("traceparent"),
            facts={
                "http.request.method": "POST",
                "daybook.sendout.id": sendout["id"],
                "daybook.endpoint.id": endpoint.id,
                "daybook.attempt": sendout["claim"],
            },
        ) as span:
            attempt = await self._send(endpoint, sendout, span.traceparent)
            if attempt.status_code is not None:
                span.tell({"http.response.status_code": attempt.status_code})
            if attempt.error is not None:
                span.fail(str(attempt.error.kind))
        return attempt

    async def _send(
        self, endpoint: Endpoint, sendout: Document, traceparent: str | None
    ) -> Attempt:
        now = self.clock()
        try:
            target = endpoint.target(self.box, now)
        except SealError as error:
            return _cannot_open(now, error)
        return await self.sender.attempt(
            target, sendout["id"], sendout_body(sendout, endpoint.url), traceparent
        )


def _cannot_open(now: datetime, error: SealError) -> Attempt:
    """An attempt that could not begin: the operator has to give the key back."""
    log.error("an endpoint's secrets cannot be opened: %s", error)
    failure = Failure(ErrorKind.PROTOCOL, f"its secrets cannot be opened: {error}")
    return Attempt(started_at=now, duration_ms=0.0, request_headers=(), error=failure)
