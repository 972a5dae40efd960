"""A batch that takes long to judge stops nothing else in the process."""

import asyncio
import time
from typing import Any

import pytest
from daybook.runtime.consuming import intake as intake_module
from daybook.runtime.consuming.intake import Intake
from daybook.runtime.consuming.pipeline import Pipeline
from daybook.runtime.consuming.raw import RawBatch
from daybook.runtime.consuming.settings import ConsumerSettings
from daybook.runtime.metrics import ConsumerMetrics
from daybook.testing.records import FakeRecord
from prometheus_client import CollectorRegistry


class Assigned:
    """A consumer that keeps its partitions."""

    def polled_is_current(self) -> bool:
        return True

    def assignment(self) -> set[Any]:
        return set()

    def pause(self, *_: Any) -> None: ...


class Slow:
    """A record that took a while to judge."""

    size = 1

    def __init__(self, record: Any) -> None:
        self.record = record
        time.sleep(0.03)


async def test_heartbeats_go_on_while_a_slow_batch_is_judged() -> None:
    written: list[Any] = []
    judged: list[Any] = []
    midway = 0

    def judge(record: Any) -> Slow:
        judged.append(record)
        return Slow(record)

    async def write(items: list[Slow]) -> None:
        written.extend(items)

    async def commit(_: Any) -> bool:
        return True

    async def heartbeat() -> None:
        nonlocal midway
        while True:
            midway += 0 < len(judged) < len(records)
            await asyncio.sleep(0)

    settings = ConsumerSettings(group_id="any")
    metrics = ConsumerMetrics(CollectorRegistry(), "any", ("written",))
    pipeline = Pipeline[Slow](write, commit, settings, metrics)
    intake = Intake[Slow](settings, judge)
    consumer: Any = Assigned()
    intake.join(lambda: consumer, pipeline)
    records = tuple(FakeRecord(b"{}", offset=offset) for offset in range(20))
    beating = asyncio.create_task(heartbeat())
    taking = asyncio.create_task(intake.take(RawBatch(records)))
    try:
        await asyncio.wait({taking})
        await pipeline.drain(5)
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)

    assert midway > 0
    assert [item.record.offset for item in written] == list(range(20))


class Judged:
    """A record with nothing to say."""

    size = 1

    def __init__(self, record: Any) -> None:
        self.record = record


async def test_a_batch_that_a_stop_overtakes_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intake_module, "ROOM_WITHIN_S", 0.05)
    settings = ConsumerSettings(group_id="any", bulk_records=1, writes_in_flight=1)
    metrics = ConsumerMetrics(CollectorRegistry(), "any", ("written",))
    offsets: list[int] = []

    async def never_ends(items: list[Judged]) -> None:
        offsets.extend(item.record.offset for item in items)
        await asyncio.Event().wait()

    async def commit(_: Any) -> bool:
        return True

    pipeline = Pipeline[Judged](never_ends, commit, settings, metrics)
    intake = Intake[Judged](settings, Judged)
    consumer: Any = Assigned()
    intake.join(lambda: consumer, pipeline)
    before = asyncio.all_tasks()
    await intake.take(RawBatch((FakeRecord(b"{}", offset=0),)))
    waits_for_room = asyncio.create_task(
        intake.take(RawBatch((FakeRecord(b"{}", offset=1),)))
    )
    await asyncio.sleep(0)

    await intake.stop(within=0)
    await waits_for_room
    await pipeline.close()

    assert asyncio.all_tasks() == before
    assert offsets == [0]
    assert not pipeline.failed
