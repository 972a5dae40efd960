"""Failed rows: each once, the thousand lowest, of the latest run."""

from random import Random
from typing import Any

from daybook.storage.tasks import MOST_FAILED_ROWS
from daybook.testing.reference_fold import reference_rows

TASK = "demo/task_1"


async def test_the_thousand_lowest_rows_are_kept_whatever_came_first(
    world: Any, stream: Any
) -> None:
    numbers = list(range(2_500))
    Random(1).shuffle(numbers)
    for start in range(0, 2_500, 500):
        failed = [{"row": number, "reason": "bad"} for number in numbers[start:][:500]]
        stream.add("progressed", failed_count=start + 500, failed=failed)

    for item in stream.items:
        await world.write(item)

    kept = await world.failed_rows(TASK, run=1)
    assert [row["row"] for row in kept] == list(range(1_000))
    assert (await world.task())["failed_count"] == 2_500


async def test_one_event_with_more_rows_than_are_kept_writes_no_more_than_those(
    world: Any, stream: Any
) -> None:
    failed = [{"row": number} for number in range(5_000)]
    stream.add("progressed", failed=failed)

    await world.write(*stream.items)

    assert await world.rows.count_documents({}) == 1_000


async def test_rows_without_a_number_come_last_by_code(world: Any, stream: Any) -> None:
    failed: list[Any] = [{"code": "B"}, {"row": 7}, {"code": "A"}, {"source_id": "s"}]
    stream.add("progressed", failed=[*failed, {"reason": "who knows"}, {}])

    await world.write(*stream.items)

    assert await world.failed_rows(TASK, run=1) == reference_rows(stream.told)


async def test_a_later_run_forgets_the_rows_of_the_one_before(
    world: Any, stream: Any
) -> None:
    stream.add("progressed", run=1, failed=[{"row": 1}, {"row": 2}])
    stream.add("progressed", run=2, failed=[{"row": 2, "reason": "again"}])

    for item in (*stream.items, stream.items[1]):
        await world.write(item)

    assert await world.failed_rows(TASK, run=1) == []
    assert await world.failed_rows(TASK, run=2) == [{"row": 2, "reason": "again"}]


async def test_a_task_id_with_slashes_is_no_other_tasks(
    world: Any, stream: Any
) -> None:
    stream.add("progressed", task_id="a/1", failed=[{"row": 1}])
    stream.add("progressed", task_id="a", failed=[{"row": 2}])

    await world.write(*stream.items)

    assert await world.failed_rows("demo/a/1", run=1) == [{"row": 1}]
    assert await world.failed_rows("demo/a", run=1) == [{"row": 2}]


async def test_of_an_event_with_very_many_rows_only_those_that_count_are_held(
    world: Any, stream: Any
) -> None:
    """Each with the last word on it, which counts."""
    many = [{"row": number, "reason": "first"} for number in range(50_000, 0, -1)]
    last = [{"row": number, "reason": "last"} for number in range(1, 50_001)]

    item = stream.add("progressed", failed=many + last)

    assert len(item.event.data["failed"]) == MOST_FAILED_ROWS
    await world.write(item)
    assert await world.failed_rows("demo/task_1", 1) == last[:MOST_FAILED_ROWS]


def test_failed_rows_count_towards_what_is_in_flight(stream: Any) -> None:
    """A row of a few bytes is a write of its own."""
    none = stream.add("progressed", failed=[])
    rows = stream.add("progressed", failed=[{"row": n} for n in range(1_000)])

    assert rows.size - none.size > 1_000_000
