"""What every run works with."""

from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Protocol

from daybook.runtime.mongo import Document
from daybook.runtime.tracing import NO_TRACER, Tracer
from pymongo.asynchronous.database import AsyncDatabase

from exporter.storing import Storage
from exporter.waiting import Watermarks


class Notices(Protocol):
    """Who is told how far an export is; none may wait or raise."""

    def started(self, export: Document) -> None: ...
    def progressed(self, export: Document, rows: int, expected: int | None) -> None: ...
    def over(self, export: Document) -> None: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What every run works with. ``database``: where all documents are read from."""

    database: AsyncDatabase[Document]
    storage: Storage
    watermarks: Watermarks
    notices: Notices
    random: Random
    count_within: timedelta
    part_bytes: int
    part_rows: int
    tracer: Tracer = NO_TRACER
