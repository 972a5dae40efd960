"""What is committed when: only what is written, in order, of what is still ours."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import pytest
from aiokafka import TopicPartition
from daybook.runtime.consuming.pipeline import Pipeline
from daybook.runtime.consuming.settings import ConsumerSettings
from daybook.runtime.metrics import ConsumerMetrics
from daybook.testing.records import FakeRecord
from daybook.testing.waiting import eventually
from prometheus_client import CollectorRegistry

TOPIC = "requests"


@dataclass(frozen=True)
class Judged:
    """A record as a service judged it."""

    record: FakeRecord
    size: int = 100


class GatedStore:
    """Writes what it is given once the test lets it."""

    def __init__(self) -> None:
        self.gates: list[asyncio.Event] = []
        self.batches: list[list[Judged]] = []
        self.error: Exception | None = None

    async def write(self, items: list[Judged]) -> None:
        gate = asyncio.Event()
        self.gates.append(gate)
        self.batches.append(items)
        await gate.wait()
        if self.error is not None:
            raise self.error

    async def waiting(self, writes: int) -> None:
        await eventually(lambda: len(self.gates) >= writes, within=5)


class Outbox:
    """Keeps commits."""

    def __init__(self) -> None:
        self.commits: list[Mapping[TopicPartition, int]] = []
        self.refuse = False

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> bool:
        self.commits.append(offsets)
        return not self.refuse


def good(offset: int, partition: int = 0) -> Judged:
    return Judged(FakeRecord(b"{}", topic=TOPIC, partition=partition, offset=offset))


def at(partition: int = 0) -> TopicPartition:
    return TopicPartition(TOPIC, partition)


@pytest.fixture
def store() -> GatedStore:
    return GatedStore()


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest.fixture
def pipeline(store: GatedStore, outbox: Outbox) -> Pipeline[Judged]:
    settings = ConsumerSettings(
        group_id="any",
        bulk_records=2,
        writes_in_flight=2,
        linger=timedelta(milliseconds=1),
    )
    metrics = ConsumerMetrics(CollectorRegistry(), "any", ("written",))
    return Pipeline(store.write, outbox.commit, settings, metrics)


async def test_nothing_is_committed_before_it_is_stored(
    pipeline: Pipeline[Judged], store: GatedStore, outbox: Outbox
) -> None:
    pipeline.take([good(0), good(1)])
    await store.waiting(1)

    await pipeline.commit()

    assert outbox.commits == []


async def test_a_later_write_that_ends_first_is_not_committed_past_an_earlier(
    pipeline: Pipeline[Judged], store: GatedStore, outbox: Outbox
) -> None:
    pipeline.take([good(0), good(1), good(2), good(3)])
    await store.waiting(2)

    store.gates[1].set()
    await eventually(lambda: pipeline.writes_in_flight == 1, within=5)
    await pipeline.commit()
    assert outbox.commits == []

    store.gates[0].set()
    await eventually(lambda: pipeline.writes_in_flight == 0, within=5)
    await pipeline.commit()
    assert outbox.commits == [{at(): 4}]


async def test_each_partition_is_committed_on_its_own(
    pipeline: Pipeline[Judged], store: GatedStore, outbox: Outbox
) -> None:
    pipeline.take([good(0, 0), good(1, 0), good(7, 1), good(8, 1)])
    await store.waiting(2)

    store.gates[1].set()
    await eventually(lambda: pipeline.writes_in_flight == 1, within=5)
    await pipeline.commit()

    assert outbox.commits == [{at(1): 9}]


async def test_what_is_committed_once_is_not_committed_again(
    pipeline: Pipeline[Judged], store: GatedStore, outbox: Outbox
) -> None:
    pipeline.take([good(0), good(1)])
    await store.waiting(1)
    store.gates[0].set()
    await eventually(lambda: pipeline.writes_in_flight == 0, within=5)

    await pipeline.commit()
    await pipeline.commit()

    assert outbox.commits == [{at(): 2}]


async def test_a_commit_that_fails_is_made_again(
    pipeline: Pipeline[Judged], store: GatedStore, outbox: Outbox
) -> None:
    outbox.refuse = True
    pipeline.take([good(0), good(1)])
    await store.waiting(1)
    store.gates[0].set()
    await eventually(lambda: pipeline.writes_in_flight == 0, within=5)

    await pipeline.commit()
    await pipeline.commit()

    assert outbox.commits == [{at(): 2}, {at(): 2}]


async def test_a_lone_record_is_written_once_it_has_lingered(
    pipeline: Pipeline[Judged], store: GatedStore
) -> None:
    pipeline.take([good(0)])

    await store.waiting(1)

    assert len(store.batches[0]) == 1
    store.gates[0].set()


async def test_there_is_no_room_while_the_bound_is_in_flight(
    pipeline: Pipeline[Judged], store: GatedStore
) -> None:
    pipeline.take([good(0), good(1), good(2), good(3)])
    await store.waiting(2)
    assert not await pipeline.room(within=0.01)

    store.gates[0].set()

    assert await pipeline.room(within=5)
    store.gates[1].set()


async def test_a_revocation_drains_commits_and_forgets(
    pipeline: Pipeline[Judged], store: GatedStore, outbox: Outbox
) -> None:
    pipeline.take([good(0), good(1), good(2)])
    await store.waiting(1)
    revoking = asyncio.create_task(pipeline.revoke(within=5))
    await store.waiting(2)

    for gate in store.gates:
        gate.set()
    await revoking
    await pipeline.commit()

    assert outbox.commits == [{at(): 3}]


async def test_what_a_revocation_could_not_wait_for_is_never_committed(
    pipeline: Pipeline[Judged], store: GatedStore, outbox: Outbox
) -> None:
    pipeline.take([good(0), good(1)])
    await store.waiting(1)

    await pipeline.revoke(within=0.01)
    store.gates[0].set()
    await eventually(lambda: pipeline.writes_in_flight == 0, within=5)
    await pipeline.commit()

    assert outbox.commits == []


async def test_an_unforeseen_failure_stops_all_commits(
    pipeline: Pipeline[Judged], store: GatedStore, outbox: Outbox
) -> None:
    store.error = RuntimeError("unforeseen")
    pipeline.take([good(0), good(1)])
    await store.waiting(1)
    store.gates[0].set()
    await eventually(lambda: pipeline.failed, within=5)

    store.error = None
    pipeline.take([good(2), good(3)])
    await store.waiting(2)
    store.gates[1].set()
    await eventually(lambda: pipeline.writes_in_flight == 0, within=5)
    await pipeline.commit()

    assert outbox.commits == []


async def test_an_unforeseen_failure_is_logged_with_where_its_records_stand(
    pipeline: Pipeline[Judged], store: GatedStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.error = RuntimeError("unforeseen")
    pipeline.take([good(7), good(8)])
    await store.waiting(1)
    store.gates[0].set()

    await eventually(lambda: pipeline.failed, within=5)

    assert f"{good(7).record.topic}/{good(7).record.partition}:7-8" in caplog.text
