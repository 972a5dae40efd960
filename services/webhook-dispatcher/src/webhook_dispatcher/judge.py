"""Each record judged alone: a webhook to deliver, or nothing of ours."""

from dataclasses import dataclass
from typing import Any

from daybook.events.catalog import events_of
from daybook.events.cloudevent import CloudEvent
from daybook.events.faults import RecordFault
from daybook.events.reading import EventReader
from daybook.events.topics import WEBHOOKS


@dataclass(frozen=True, slots=True)
class Judged:
    """A record; without an event where it is bad, which ingest reports."""

    record: Any
    event: CloudEvent | None

    @property
    def size(self) -> int:
        """Bytes of the record's value."""
        return len(self.record.value or b"")

    @property
    def traceparent(self) -> str | None:
        """The event's."""
        return None if self.event is None else self.event.traceparent


class Judge:
    """Decides what a record is; pure."""

    def __init__(self) -> None:
        self._reader = EventReader(events_of(WEBHOOKS))

    def judge(self, record: Any) -> Judged:
        """Never raises for what a record holds."""
        try:
            return Judged(record, self._reader.read(record))
        except RecordFault:
            return Judged(record, None)
