"""A CloudEvent as Daybook understood it, whichever content mode it came in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from daybook.events.base import Event

SPEC_VERSION = "1.0"
STRUCTURED_CONTENT_TYPE = "application/cloudevents+json"
# Longer ids and sources are refused: they are part of index keys.
LONGEST_NAME = 1024

# The attributes that Daybook knows; others are kept under ``extra``.
KNOWN_ATTRIBUTES = frozenset(
    {
        "specversion",
        "id",
        "source",
        "type",
        "projectid",
        "time",
        "subject",
        "datacontenttype",
        "dataschema",
        "traceparent",
        "sequence",
    }
)


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """One event, judged: every value is of its type and can be stored.

    ``data`` holds the event's known fields as plain data, None left out; ``extra`` the
    attributes and fields that this version does not know, as JSON text with every
    value spelled as it came.
    """

    event: type[Event]
    id: str
    source: str
    project_id: str
    time: datetime | None
    sequence: int | str | None
    traceparent: str | None
    data: dict[str, Any]
    extra: str | None = None
