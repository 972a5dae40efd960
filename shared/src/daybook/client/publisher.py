"""What an integration needs of the client, and no more."""

from datetime import datetime
from typing import Protocol

from daybook.events.base import Event


class Publisher(Protocol):
    """Takes an event and returns at once: it never raises, never waits on a broker."""

    def publish(
        self,
        event: Event,
        *,
        project_id: str | None = None,
        time: datetime | None = None,
        traceparent: str | None = None,
    ) -> None: ...
