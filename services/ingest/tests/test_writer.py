"""One bulk: what is good is stored, what is bad becomes a letter, both are counted."""

import json
from dataclasses import replace
from typing import Any

import pytest
from daybook.events.faults import NotJson, RefusedByDatabase
from daybook.events.topics import REQUESTS
from daybook.runtime.clock import utc_now
from daybook.runtime.dead_letters import DeadLetter
from daybook.runtime.metrics import IngestMetrics
from daybook.testing.records import FakeRecord, request_event
from ingest.judge import Accepted, Judge, decode
from ingest.kinds import kinds
from ingest.repository import Stored
from ingest.settings import Settings
from ingest.writer import Writer
from prometheus_client import CollectorRegistry


class MemoryStore:
    """Stores what it is given, but for what it is told to refuse."""

    def __init__(self) -> None:
        self.stored: list[Accepted] = []
        self.refused: set[int] = set()

    async def insert(self, accepted: list[Accepted]) -> Stored:
        good = [one for one in accepted if one.record.offset not in self.refused]
        self.stored += good
        letters = [
            DeadLetter(one.record, RefusedByDatabase("no"))
            for one in accepted
            if one not in good
        ]
        return Stored(stored=len(good), refused=letters)


class Outbox:
    """Keeps letters."""

    def __init__(self) -> None:
        self.offsets: list[int] = []

    async def send(self, letters: list[DeadLetter]) -> None:
        self.offsets += [letter.record.offset for letter in letters]


def good(offset: int, collection: str = "logs") -> Accepted:
    return Accepted(b"x", FakeRecord(b"{}", offset=offset), "shop", collection)


def bad(offset: int, source: str | None = None) -> DeadLetter:
    fault = NotJson()
    fault.source = source
    return DeadLetter(FakeRecord(b"{", offset=offset), fault)


@pytest.fixture
def stores() -> dict[str, MemoryStore]:
    return {"logs": MemoryStore(), "task_events": MemoryStore()}


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def writer(
    stores: dict[str, MemoryStore], outbox: Outbox, registry: CollectorRegistry
) -> Writer:
    return Writer(stores, outbox, IngestMetrics(registry), utc_now)


def counted(registry: CollectorRegistry, outcome: str) -> float | None:
    name = "daybook_ingest_events_total"
    return registry.get_sample_value(name, {"outcome": outcome})


async def test_each_document_goes_to_its_own_collection(
    writer: Writer, stores: dict[str, MemoryStore]
) -> None:
    await writer.write([good(0), good(1, "task_events"), good(2)])

    assert [one.record.offset for one in stores["logs"].stored] == [0, 2]
    assert [one.record.offset for one in stores["task_events"].stored] == [1]


async def test_the_bad_and_the_refused_become_letters_and_all_is_counted(
    writer: Writer,
    stores: dict[str, MemoryStore],
    outbox: Outbox,
    registry: CollectorRegistry,
) -> None:
    stores["logs"].refused = {2}

    await writer.write([good(0), bad(1), good(2)])

    assert [one.record.offset for one in stores["logs"].stored] == [0]
    assert sorted(outbox.offsets) == [1, 2]
    assert counted(registry, "stored") == 1
    assert counted(registry, "dead_lettered") == 2


@pytest.mark.parametrize(("stamp", "year"), [(2**62, 9999), (-(2**62), 1)])
async def test_a_record_dated_beyond_the_calendar_is_kept_at_its_end(
    writer: Writer, outbox: Outbox, stamp: int, year: int
) -> None:
    """A topic that does not stamp the append time takes what a producer says."""
    value = json.dumps(request_event(time=...)).encode()
    record = replace(FakeRecord(value), topic=REQUESTS, timestamp=stamp)
    judged = Judge(kinds(Settings()), lambda _: "shared").judge(record)
    assert isinstance(judged, Accepted)
    document = decode(judged.document)
    assert (document["created_at"].year, document["received_at"].year) == (year, year)

    letter = DeadLetter(record, NotJson())
    await writer.write([judged, letter])

    time = dict(letter.headers())["daybook_time"] or b""
    assert time.startswith(b"%04d-" % year)


async def test_a_source_that_is_mostly_bad_is_told_by_name(
    writer: Writer, caplog: pytest.LogCaptureFixture
) -> None:
    letters: list[Any] = [bad(offset, "shop/broken") for offset in range(100)]

    await writer.write(letters)

    assert "shop/broken" in caplog.text
