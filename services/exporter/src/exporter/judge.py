"""Each record judged alone: an export that is asked for or told of, or a bad one."""

import re
from dataclasses import dataclass
from typing import Any

from daybook.events.catalog import events_of
from daybook.events.cloudevent import CloudEvent
from daybook.events.export import ExportRecorded
from daybook.events.faults import RecordFault
from daybook.events.reading import EventReader
from daybook.events.topics import EXPORTS
from daybook.runtime.dead_letters import DeadLetter

# Objects and addresses bear it.
_EXPORT_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")


class UnusableExport(RecordFault):
    """The event cannot become an export."""

    kind = "wrong_type"


@dataclass(frozen=True, slots=True)
class Asked:
    """A record that asks for an export, or tells of one."""

    record: Any
    event: CloudEvent

    @property
    def size(self) -> int:
        """Bytes of the record's value."""
        return len(self.record.value or b"")


Judged = Asked | DeadLetter


class Judge:
    """Decides what a record is; pure."""

    def __init__(self) -> None:
        self._reader = EventReader(events_of(EXPORTS))

    def judge(self, record: Any) -> Judged:
        """Never raises for what a record holds."""
        try:
            event = self._reader.read(record)
            _refuse(event)
        except RecordFault as fault:
            return DeadLetter(record, fault)
        return Asked(record, event)


def _refuse(event: CloudEvent) -> None:
    if _EXPORT_ID.fullmatch(event.data["export_id"]) is None:
        raise UnusableExport("export_id: use at most 200 letters, digits, - and _")
    if event.event is ExportRecorded:
        url = event.data.get("url")
        if (url is None) == (event.data.get("object") is None):
            raise UnusableExport("give either url or object")
        # Pages link to it: a script's address would run there.
        if url is not None and not url.lower().startswith(("https://", "http://")):
            raise UnusableExport("url: use an http or https address")
