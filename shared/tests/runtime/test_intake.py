"""A batch that takes long to judge stops nothing else in the process."""

import asyncio
import time
from typing import Any

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
