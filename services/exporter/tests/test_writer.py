"""One bulk: exports are made, bad events become letters, all of it is counted."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from daybook.events.faults import KINDS
from daybook.runtime.clock import utc_now
from daybook.runtime.dead_letters import DeadLetter
from daybook.runtime.metrics import ExporterMetrics
from daybook.testing.records import FakeRecord, record_of, request_event
from exporter.judge import Judge
from exporter.writer import Writer
from prometheus_client import CollectorRegistry
from pymongo.asynchronous.database import AsyncDatabase

Document = dict[str, Any]
judge = Judge().judge


class Outbox:
    """Keeps letters; ``away`` is what it fails with."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []
        self.away: Exception | None = None

    async def send(self, letters: Sequence[DeadLetter]) -> None:
        if self.away is not None:
            raise self.away
        self.letters += letters


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def writer(
    database: AsyncDatabase[Document], outbox: Outbox, registry: CollectorRegistry
) -> Writer:
    return Writer(
        database["exports"],
        outbox,
        ExporterMetrics(registry),
        utc_now,
        wake=lambda: None,
        random=Random(1),
    )


def asked(export_id: str, **data: Any) -> FakeRecord:
    event = request_event(id=f"e-{export_id}", subject=export_id)
    event["type"] = "daybook.export.requested.v1"
    event["data"] = {
        "export_id": export_id,
        "exported_object": "api_log",
        "parameters": {"fields": ["id"]},
        **data,
    }
    return record_of(event)


def counted(registry: CollectorRegistry, metric: str, label: str) -> dict[str, float]:
    """What is not zero, by label."""
    name = f"daybook_exporter_{metric}_total"
    return {
        sample.labels[label]: sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == name and sample.value
    }


async def test_an_event_that_becomes_no_export_is_counted_by_what_is_wrong(
    writer: Writer, outbox: Outbox, registry: CollectorRegistry
) -> None:
    await writer.write(
        [
            judge(FakeRecord(b"{not json")),
            judge(asked("../secrets")),
            judge(asked("a/b")),
            judge(asked("exp_1")),
        ]
    )

    assert len(outbox.letters) == 3
    assert counted(registry, "dead_letters", "kind") == {"not_json": 1, "wrong_type": 2}
    assert counted(registry, "events", "outcome") == {"dead_lettered": 3, "made": 1}


async def test_an_export_that_fails_as_it_is_made_counts_as_refused(
    writer: Writer, database: AsyncDatabase[Document], registry: CollectorRegistry
) -> None:
    bad = judge(asked("exp_1", parameters={"fields": ["no such"]}))

    await writer.write([bad])
    await writer.write([bad])

    stored = await database["exports"].find_one({"id": "exp_1"})
    assert stored is not None
    assert stored["status"] == "ERROR"
    assert counted(registry, "events", "outcome") == {"refused": 1, "known": 1}


async def test_a_letter_that_is_not_sent_is_not_counted(
    writer: Writer, outbox: Outbox, registry: CollectorRegistry
) -> None:
    outbox.away = ConnectionError()

    with pytest.raises(ConnectionError):
        await writer.write([judge(FakeRecord(b"{not json"))])

    assert counted(registry, "dead_letters", "kind") == {}


def test_every_kind_is_shown_before_there_is_any(registry: CollectorRegistry) -> None:
    ExporterMetrics(registry)

    shown = {
        kind: registry.get_sample_value(
            "daybook_exporter_dead_letters_total", {"kind": kind}
        )
        for kind in KINDS
    }
    assert set(shown.values()) == {0.0}
