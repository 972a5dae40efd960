"""Each record judged alone, up to and including its BSON."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import bson
from bson.errors import BSONError
from daybook.events.faults import (
    NotStorable,
    RecordFault,
    TooLarge,
)
from daybook.events.reading import EventReader
from daybook.runtime.dead_letters import DeadLetter

from ingest.kinds import Kind

LARGEST_DOCUMENT = 15 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Accepted:
    """A record that can be stored, encoded, with what it came from."""

    document: bytes
    record: Any
    source: str
    collection: str
    time: datetime | None = None
    """The event's own."""
    traceparent: str | None = None

    @property
    def size(self) -> int:
        """Bytes of the document."""
        return len(self.document)


class Judge:
    """Decides what a record is; pure, but for the tier that it asks for."""

    def __init__(self, kinds: Iterable[Kind], tier_of: Callable[[str], str]) -> None:
        self._kinds = {kind.topic: (kind, EventReader(kind.events)) for kind in kinds}
        self._tier_of = tier_of

    def judge(self, record: Any) -> Accepted | DeadLetter:
        """Never raises for what a record holds."""
        try:
            return self._accept(record)
        except RecordFault as fault:
            return DeadLetter(record, fault)

    def _accept(self, record: Any) -> Accepted:
        kind, reader = self._kinds[record.topic]
        event = reader.read(record)
        document = kind.document(event, record, self._tier_of(event.project_id))
        return Accepted(
            encode(document),
            record,
            event.source,
            kind.collection,
            event.time,
            event.traceparent,
        )


def decode(document: bytes) -> dict[str, Any]:
    """What :func:`encode` made, as plain data; times are naive, in UTC."""
    plain: dict[str, Any] = bson.BSON(document).decode()
    return plain


def encode(document: dict[str, Any]) -> bytes:
    """The document as BSON of at most 15 MiB."""
    try:
        encoded = bson.encode(document)
    except (BSONError, OverflowError, UnicodeEncodeError) as error:
        raise NotStorable(str(error)) from None
    if len(encoded) > LARGEST_DOCUMENT:
        raise TooLarge(f"{len(encoded)} bytes")
    return encoded
