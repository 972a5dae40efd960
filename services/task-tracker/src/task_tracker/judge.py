"""Each record judged alone: an event of a task, or nothing of ours."""

from dataclasses import dataclass
from typing import Any

from daybook.events.catalog import events_of
from daybook.events.cloudevent import CloudEvent
from daybook.events.faults import RecordFault
from daybook.events.reading import EventReader
from daybook.events.topics import TASKS

from task_tracker.failed_rows import lowest

# What a failed row takes on its way, as plain data, in the fold and as a write: of a
# row of ten bytes of JSON this is nearly all.
ROW_BYTES = 1_500


@dataclass(frozen=True, slots=True)
class Judged:
    """A record; without an event where it is bad, which ingest reports."""

    record: Any
    event: CloudEvent | None

    @property
    def size(self) -> int:
        """Bytes of the record's value, and what its failed rows take beside it."""
        rows = 0 if self.event is None else len(self.event.data.get("failed") or ())
        return len(self.record.value or b"") + ROW_BYTES * rows

    @property
    def traceparent(self) -> str | None:
        """The event's."""
        return None if self.event is None else self.event.traceparent


class Judge:
    """Decides what a record is; pure."""

    def __init__(self) -> None:
        self._reader = EventReader(events_of(TASKS))

    def judge(self, record: Any) -> Judged:
        """Never raises for what a record holds."""
        try:
            event = self._reader.read(record)
        except RecordFault:
            return Judged(record, None)
        if rows := event.data.get("failed"):
            # A million of them in one event would be held until they are written.
            event.data["failed"] = lowest(rows)
        return Judged(record, event)
