"""What the service really sends to MongoDB for tasks, explained by MongoDB."""

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from daybook.runtime.clock import monotonic
from daybook.runtime.mongo import Document
from daybook.storage.task_events import TASK_EVENT_INDEXES
from daybook.storage.tasks import FAILED_ROW_INDEXES, TASK_INDEXES
from daybook.storage.times import hour_of, to_ms
from daybook.testing.explaining import Explained, Sent, explain
from daybook.testing.stored_tasks import (
    stored_failed_row,
    stored_task,
    stored_task_event,
)
from pymongo import AsyncMongoClient, MongoClient
from pymongo.asynchronous.database import AsyncDatabase
from query.cursors import Cursor, Position
from query.filters import Window
from query.search import Page
from query.tasks.failed_rows import FailedRows
from query.tasks.filters import read_task_filters
from query.tasks.history import History
from query.tasks.plans import plan_tasks
from query.tasks.repository import Tasks

NEWEST = datetime(2026, 11, 24, tzinfo=UTC)
COUNT = 20_000
STEP = timedelta(seconds=43)  # ten days, eighty tasks an hour
OLDEST = NEWEST - COUNT * STEP
LIMIT = 10
BUDGET = timedelta(seconds=30)

Params = Mapping[str, str | list[str]]


def _task(number: int) -> Document:
    status = "DONE"
    if number % 500 == 7:
        status = "FAILED"
    elif number % 1000 == 9:
        status = "IN_PROGRESS" if number % 2000 == 9 else "ENQUEUED"
    return stored_task(
        f"{number:06}",
        NEWEST - (number // 2) * 2 * STEP,
        status=status,
        stalled=number % 4000 == 9,
        task_type="RARE" if number % 4000 == 3 else f"TYPE {number % 3}",
        user={"id": f"u{number % 200}", "email": f"m{number % 200}@x.example"},
        import_file_id=f"file-{number % 2000}" if number % 7 == 0 else None,
        progress=number % 101,
        **({"operation_status": "FAILED"} if number % 1000 == 8 else {}),
    )


@pytest.fixture(scope="module")
def seeded(mongodb_uri: str) -> Iterator[str]:
    """The name of a database with many tasks, events and failed rows."""
    name = f"test_{uuid4().hex[:12]}"
    with MongoClient[Document](mongodb_uri) as client:
        tasks, events = client[name]["tasks"], client[name]["task_events"]
        rows = client[name]["task_failed_rows"]
        tasks.create_indexes(list(TASK_INDEXES))
        events.create_indexes(list(TASK_EVENT_INDEXES))
        rows.create_indexes(list(FAILED_ROW_INDEXES))
        documents = [_task(number) for number in range(COUNT)]
        tasks.insert_many(documents)
        others = (stored_task(f"{n:06}", NEWEST, project_id="p") for n in range(1000))
        tasks.insert_many(list(others))
        events.insert_many(
            [
                stored_task_event(
                    task,
                    f"{task['id']}-{n}",
                    "progressed",
                    task["created_at"] + n * STEP,
                )
                for task in documents[:200]
                for n in range(10)
            ]
        )
        rows.insert_many(
            [
                stored_failed_row(task, str(n), row=n)
                for task in documents[:10]
                for n in range(100)
            ]
        )
        yield name
        client.drop_database(name)


class Reader:
    """Reads as the service does and has each read explained."""

    def __init__(self, database: AsyncDatabase[Document], sent: Sent) -> None:
        self.database = database
        self._sent = sent
        self.tasks = Tasks(database, monotonic)

    async def page(
        self, params: Params, start: Position | None
    ) -> tuple[Page, list[Explained]]:
        pairs = [
            (name, value)
            for name, values in params.items()
            for value in ([values] if isinstance(values, str) else values)
        ]
        self._sent.commands.clear()
        page = await self.tasks.page(
            "shop",
            plan_tasks(read_task_filters(pairs)),
            Window(),
            cursor=None if start is None else Cursor(start, Window()),
            limit=LIMIT,
            budget=BUDGET,
        )
        return page, await self.explained()

    async def explained(self) -> list[Explained]:
        """The reads since the commands were cleared."""
        sent = list(self._sent.commands)
        assert "getMore" not in {next(iter(command)) for command in sent}
        return [await explain(self.database, command) for command in sent]

    def forget(self) -> None:
        self._sent.commands.clear()


@pytest.fixture
async def reader(mongodb_uri: str, seeded: str) -> AsyncIterator[Reader]:
    sent = Sent()
    client: AsyncMongoClient[Document] = AsyncMongoClient(
        mongodb_uri, tz_aware=True, event_listeners=[sent]
    )
    async with client:
        yield Reader(client[seeded], sent)


FILTERS: list[tuple[Params, str]] = [
    ({}, "by_time"),
    ({"status": "DONE"}, "by_time"),
    ({"status": ["DONE", "FAILED"]}, "by_time"),
    ({"progress": "50"}, "by_time"),
    ({"progress[gte]": "90", "stalled": "false"}, "by_time"),
    ({"type": "TYPE 1"}, "by_type"),
    ({"type": "RARE"}, "by_type"),
    ({"type": ["RARE", "TYPE 1", "NONE"]}, "by_type"),
    ({"type": "TYPE 1", "progress": "50"}, "by_type"),
    ({"type": "RARE", "status": "DONE"}, "by_type"),
    ({"status": "IN_PROGRESS"}, "unfinished_by_time"),
    ({"status": ["IN_PROGRESS", "ENQUEUED"]}, "unfinished_by_time"),
    ({"status": "ENQUEUED", "type": "TYPE 0"}, "unfinished_by_time"),
    ({"stalled": "true"}, "unfinished_by_time"),
    ({"status": "FAILED"}, "failed_by_time"),
    ({"status": "FAILED", "type": "TYPE 1"}, "failed_by_time"),
    ({"operation_status": "FAILED"}, "failed_by_time"),
    ({"user": "u7"}, "by_ref"),
    ({"user": ["u7", "M8@X.example"], "status": "FAILED"}, "by_ref"),
    ({"user": "u7", "import_file_id": "file-7"}, "by_ref"),
    ({"request_id": "req-010000"}, "by_ref"),
    ({"import_file_id": "file-7", "type": "RARE"}, "by_ref"),
]


@pytest.mark.parametrize("depth", [0, 4_000, 16_000])
@pytest.mark.parametrize(("params", "index"), FILTERS)
async def test_every_filter_walks_its_index_in_order_at_any_depth(
    reader: Reader, params: Params, index: str, depth: int
) -> None:
    start = None
    if depth:
        start = Position(to_ms(NEWEST - (depth // 2) * 2 * STEP), f"{depth + 1:06}")

    page, reads = await reader.page(params, start)

    stages = {name for read in reads for name in read.names}
    allowed = {index, "by_time"} if index == "by_ref" else {index}
    assert set().union(*(read.indexes for read in reads)) <= allowed
    assert any(read.indexes == {index} for read in reads)
    assert not stages & {"COLLSCAN", "SORT"}
    assert sum(read.returned for read in reads) >= len(page.rows)


@pytest.mark.parametrize("depth", [0, 4_000, 16_000])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"type": "TYPE 1"},
        {"type": "RARE"},
        {"type": ["RARE", "TYPE 1", "NONE"]},
        {"status": ["IN_PROGRESS", "ENQUEUED"]},
    ],
)
async def test_a_page_reads_as_much_as_it_shows_however_deep_it_is(
    reader: Reader, params: Params, depth: int
) -> None:
    start = Position(to_ms(NEWEST - depth * STEP)) if depth else None

    page, reads = await reader.page(params, start)

    assert len(reads) == 1
    assert sum(read.documents for read in reads) <= len(page.rows) + 1
    assert sum(read.keys for read in reads) <= len(page.rows) + 6


@pytest.mark.parametrize(
    ("params", "most"),
    [
        ({"type": "RARE"}, 5),
        ({"type": "RARE", "progress[lte]": "99"}, 20),
        ({"type": "NONE"}, 1),
        ({"status": "FAILED"}, 120),
        ({"operation_status": "FAILED"}, 120),
        ({"stalled": "true"}, 60),
        ({"status": "ENQUEUED"}, 60),
        ({"status": "ENQUEUED", "type": "NONE"}, 60),
    ],
)
async def test_what_is_rare_is_found_without_a_look_at_what_is_common(
    reader: Reader, params: Params, most: int
) -> None:
    page, reads = await reader.page(params, None)

    assert page.searched_until is None
    assert sum(read.documents for read in reads) <= most
    # A slice begins with one key more, by which the next task is found.
    assert sum(read.keys for read in reads) <= most + 4 * len(reads)


async def test_tasks_of_one_millisecond_do_not_slow_the_next_page(
    reader: Reader,
) -> None:
    reader.forget()
    page = await reader.tasks.page(
        "p",
        plan_tasks(read_task_filters([])),
        Window(),
        cursor=Cursor(Position(to_ms(NEWEST), "000100"), Window()),
        limit=LIMIT,
        budget=BUDGET,
    )

    assert [task["id"] for task in page.rows][:2] == ["000099", "000098"]
    assert sum(read.keys for read in await reader.explained()) <= LIMIT + 2


async def test_a_history_reads_the_events_that_it_shows(reader: Reader) -> None:
    task = await reader.tasks.task("shop", "000100")
    assert task is not None
    lasted = task | {"updated_at": task["created_at"] + 10 * STEP}
    history = History(reader.database, BUDGET)

    reader.forget()
    first = await history.page(lasted, cursor_text=None, limit=4)
    rest = await history.page(lasted, cursor_text=first.next_cursor, limit=4)
    reads = await reader.explained()

    hours = hour_of(to_ms(lasted["updated_at"])) - hour_of(to_ms(task["created_at"]))
    assert [row["id"] for row in (*first.rows, *rest.rows)] == [
        f"000100-{n}" for n in range(8)
    ]
    assert set().union(*(read.indexes for read in reads)) == {"by_task"}
    assert not set().union(*(read.names for read in reads)) & {"COLLSCAN", "SORT"}
    assert sum(read.documents for read in reads) <= 10
    assert sum(read.keys for read in reads) <= 10 + len(reads) * 2 * (hours + 1)


async def test_failed_rows_are_read_in_order_of_one_task_alone(reader: Reader) -> None:
    task = await reader.tasks.task("shop", "000003")
    assert task is not None
    rows = FailedRows(reader.database)

    reader.forget()
    first = await rows.page(task, cursor_text=None, limit=40)
    rest = await rows.page(task, cursor_text=first.next_cursor, limit=100)
    reads = await reader.explained()

    assert [row["place"] for row in (*first.rows, *rest.rows)] == list(range(100))
    assert set().union(*(read.indexes for read in reads)) == {"by_place"}
    assert not set().union(*(read.names for read in reads)) & {"COLLSCAN", "SORT"}
    assert [read.documents <= 100 for read in reads] == [True, True]
