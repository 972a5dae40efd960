"""A task's document, whatever the order of its events and however often they come."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from random import Random
from typing import Any

import pytest
from daybook.testing.reference_fold import reference_fold, reference_rows
from hypothesis import given, settings
from hypothesis import strategies as st
from pymongo import AsyncMongoClient
from task_tracker.judge import Judged
from task_tracker.writer import fold_all

Json = dict[str, Any]


async def test_a_task_that_ran_well(world: Any, stream: Any) -> None:
    stream.add("enqueued", task_type="VOUCHERS.IMPORT", total=10, user={"id": "u1"})
    stream.add("started", after_s=1, heartbeat_s=30)
    stream.add("progressed", after_s=2, done_count=4, failed_count=1)
    result = {"message": "9 of 10"}
    stream.add(
        "finished",
        after_s=3.5,
        done_count=9,
        failed_count=1,
        outcome="DONE",
        result=result,
    )

    await world.write(*stream.items)

    task = await world.task()
    assert (task["status"], task["operation_status"]) == ("DONE", "SUCCESS")
    assert (task["progress"], task["processing_time"]) == (100, 2500)
    assert (task["done_count"], task["failed_count"], task["total"]) == (9, 1, 10)
    assert task["task_type"] == "VOUCHERS.IMPORT"
    assert (task["user"], task["message"]) == ({"id": "u1"}, "9 of 10")
    assert task["updated_at"] - task["created_at"] == timedelta(seconds=3.5)
    assert not {"unfinished", "failed", "stalls_at"}.intersection(task)
    assert task == reference_fold(stream.told)


async def test_a_further_run_sets_aside_what_the_one_before_came_to(
    world: Any, stream: Any
) -> None:
    stream.add("started", run=1)
    stream.add("finished", after_s=1, run=1, outcome="FAILED", failed_count=3)
    stream.add("enqueued", after_s=2, run=2)

    await world.write(*stream.items)

    task = await world.task()
    assert (task["status"], task["run"]) == ("ENQUEUED", 2)
    assert not {"failed_count", "finished_at", "started_at", "failed"} & set(task)


async def test_progress_is_counted_where_nobody_says_it(
    world: Any, stream: Any
) -> None:
    stream.add("progressed", total=8, done_count=2, failed_count=1)

    await world.write(*stream.items)

    assert (await world.task())["progress"] == 37


async def test_what_looks_like_an_expression_is_text(world: Any, stream: Any) -> None:
    nasty = {"task_type": "$project_id", "request_id": "$$ROOT", "log_id": "$fold.v"}
    user = {"id": "$id", "email": "$$NOW"}
    stream.add("started", **nasty, user=user, task_id="$task.1")

    await world.write(*stream.items)

    task = await world.task("$task.1")
    assert {name: task[name] for name in nasty} == nasty
    assert (task["user"], task["id"]) == (user, "$task.1")


async def test_counters_at_the_end_of_their_range_are_folded_too(
    world: Any, stream: Any
) -> None:
    most = 2**63 - 1
    counters = {"total": most, "done_count": most, "failed_count": most}
    stream.add("progressed", **counters)

    await world.write(*stream.items)

    task = await world.task()
    assert {name: task[name] for name in counters} == counters
    assert task["progress"] == 100


async def test_times_at_both_ends_of_the_calendar_are_folded(
    world: Any, stream: Any
) -> None:
    for number, time in enumerate(("0001-01-01T00:00:00Z", "1970-01-01T00:00:00.5Z")):
        attributes = {"time": time}
        stream.add("started", task_id=f"t{number}", attributes=attributes)
        stream.add(
            "finished", task_id=f"t{number}", outcome="DONE", attributes=attributes
        )

    await world.write(*stream.items)

    for number in range(2):
        task = await world.task(f"t{number}")
        mine = [e for e in stream.told if e.data["task_id"] == f"t{number}"]
        assert task == reference_fold(mine)


@pytest.mark.parametrize(("stamp", "year"), [(2**62, 9999), (-(2**62), 1)])
async def test_a_record_dated_beyond_the_calendar_is_folded_at_its_end(
    world: Any, stream: Any, stamp: int, year: int
) -> None:
    item = stream.add("enqueued")
    record = replace(item.record, timestamp=stamp)

    await world.write(replace(item, record=record))

    assert (await world.task())["received_at"].year == year


async def test_an_index_that_others_made_refuses_one_task_and_holds_nobody_up(
    world: Any, stream: Any
) -> None:
    await world.tasks.create_index("request_id", unique=True)
    first = stream.add("enqueued", task_id="first", request_id="r")
    second = stream.add("enqueued", task_id="second", request_id="r")
    third = stream.add("enqueued", task_id="third", request_id="other")
    folds = fold_all([first, second, third])

    refused = await asyncio.wait_for(world.repository.merge(folds), 20)

    assert refused == 1
    assert await world.tasks.count_documents({}) == 2


async def test_every_order_of_six_events_of_two_runs_gives_the_same_document(
    world: Any, stream_of: Callable[[str], Any]
) -> None:
    orders = list(permutations(range(6)))
    streams = [stream_of(f"t-{number}") for number in range(len(orders))]

    for nth in range(6):
        await world.write(
            *(
                stream.items[order[nth]]
                for stream, order in zip(streams, orders, strict=True)
            )
        )

    for number, stream in enumerate(streams):
        assert await world.task(f"t-{number}") == reference_fold(stream.told)
        rows = await world.failed_rows(f"demo/t-{number}", run=2)
        assert rows == reference_rows(stream.told)


@pytest.fixture
def stream_of(new_stream: Callable[[], Any]) -> Callable[[str], Any]:
    """Six events of one task in two runs."""

    def make(task_id: str) -> Any:
        stream = new_stream()
        stream.add("enqueued", task_id=task_id, task_type="IMPORT", total=4)
        stream.add(
            "finished", after_s=2, task_id=task_id, outcome="FAILED", done_count=3
        )
        stream.add("started", after_s=3, task_id=task_id, run=2, request_id="r2")
        stream.add(
            "progressed",
            after_s=4,
            task_id=task_id,
            run=2,
            done_count=1,
            failed=[{"row": 2, "reason": "bad"}],
        )
        stream.add(
            "progressed",
            after_s=5,
            task_id=task_id,
            run=2,
            done_count=2,
            failed=[{"row": 2, "reason": "worse"}, {"code": "C"}],
            user={"id": "u"},
        )
        stream.add(
            "finished",
            after_s=6,
            task_id=task_id,
            run=2,
            outcome="DONE",
            operation_status="FAILED",
            result={"message": "so so"},
        )
        return stream

    return make


COUNT = st.integers(0, 20)
WORDS = st.sampled_from(["", "A", "B", "é", "\U0001f600", "$x"])
ROW = st.fixed_dictionaries(
    {}, optional={"row": st.integers(-2, 5), "code": WORDS, "reason": WORDS}
)
Fields = dict[str, st.SearchStrategy[Any]]
ANY: Fields = {
    "total": COUNT,
    "done_count": COUNT,
    "failed_count": COUNT,
    "progress": st.integers(0, 100),
    "task_type": WORDS,
    "request_id": st.sampled_from(["r1", "r2"]),
    "log_id": WORDS,
    "import_file_id": st.sampled_from(["f1", "f2"]),
    "heartbeat_s": st.sampled_from([0.5, 30, 31.25]),
    "user": st.fixed_dictionaries(
        {}, optional={"id": st.sampled_from(["u1", "u2"]), "email": WORDS}
    ),
}
FAILED: Fields = {"failed": st.lists(ROW, max_size=4)}
FINISH: Fields = {
    "operation_status": st.sampled_from(["SUCCESS", "FAILED", "UNKNOWN"]),
    "result": st.fixed_dictionaries({}, optional={"message": WORDS}),
}
OUTCOME: Fields = {"outcome": st.sampled_from(["DONE", "FAILED"])}
KINDS: list[tuple[str, Fields, Fields]] = [
    ("enqueued", {}, {}),
    ("started", {}, {}),
    ("progressed", {}, FAILED),
    ("finished", OUTCOME, {**FAILED, **FINISH}),
]


def _event(kind: str, required: Fields, optional: Fields) -> Any:
    fields: Any = st.fixed_dictionaries(
        {"run": st.integers(1, 3), **required}, optional={**ANY, **optional}
    )
    return st.tuples(st.just(kind), st.integers(-90, 400), fields)


EVENT: Any = st.one_of([_event(*kind) for kind in KINDS])


@settings(max_examples=60)
@given(st.lists(EVENT, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_any_order_any_repetition_and_any_batches_give_the_same_document(
    mongodb_uri: str, new_world: Any, new_stream: Any, events: list[Any], random: Random
) -> None:
    stream = new_stream()
    for kind, after_s, data in events:
        stream.add(kind, after_s=after_s, **data)
    items: list[Judged] = [*stream.items, *random.choices(stream.items, k=4)]
    random.shuffle(items)
    batches = _split(items, random)

    async def fold() -> tuple[Json, list[Json]]:
        client: AsyncMongoClient[Json] = AsyncMongoClient(mongodb_uri, tz_aware=True)
        async with client:
            world = new_world(client["test_folding"])
            await world.tasks.delete_many({})
            await world.rows.delete_many({})
            # Two trackers at once, as at a rebalance.
            await asyncio.gather(
                *(world.write(*batch) for batch in batches[::2]),
                *(world.write(*batch) for batch in batches[1::2]),
            )
            task = await world.task()
            return task, await world.failed_rows("demo/task_1", task["run"])

    task, rows = asyncio.run(fold())

    assert task == reference_fold(stream.told)
    assert rows == reference_rows(stream.told)


def _split(items: list[Judged], random: Random) -> list[list[Judged]]:
    batches: list[list[Judged]] = [[]]
    for item in items:
        if random.random() < 0.4:
            batches.append([])
        batches[-1].append(item)
    return [batch for batch in batches if batch]
