"""An attempt to deliver a sendout: its endpoint's secrets opened, then sent."""

import logging
from dataclasses import dataclass
from datetime import datetime

from daybook.runtime.clock import Clock
from daybook.runtime.mongo import Document
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

    async def make(self, endpoint: Endpoint, sendout: Document) -> Attempt:
        """Send once, as the endpoint is now, in the trace of the sendout's event."""
        now = self.clock()
        try:
            target = endpoint.target(self.box, now)
        except SealError as error:
            return _cannot_open(now, error)
        return await self.sender.attempt(
            target,
            sendout["id"],
            sendout_body(sendout, endpoint.url),
            sendout.get("traceparent"),
        )


def _cannot_open(now: datetime, error: SealError) -> Attempt:
    """An attempt that could not begin: the operator has to give the key back."""
    log.error("an endpoint's secrets cannot be opened: %s", error)
    failure = Failure(ErrorKind.PROTOCOL, f"its secrets cannot be opened: {error}")
    return Attempt(started_at=now, duration_ms=0.0, request_headers=(), error=failure)
