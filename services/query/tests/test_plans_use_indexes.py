"""What the service really sends to MongoDB, explained by MongoDB."""

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from daybook.runtime.clock import monotonic
from daybook.runtime.mongo import Document
from daybook.storage.logs import INDEXES
from daybook.storage.times import hour_of, to_ms
from daybook.testing.explaining import Explained, Sent, explain
from daybook.testing.stored_logs import stored_log
from pymongo import AsyncMongoClient, MongoClient
from pymongo.asynchronous.database import AsyncDatabase
from query.cursors import Cursor, Position
from query.filters import Window
from query.logs.filters import read_filters
from query.logs.plans import plan
from query.logs.repository import Logs
from query.search import Page

NEWEST = datetime(2026, 11, 24, tzinfo=UTC)
COUNT = 20_000
STEP = timedelta(seconds=43)  # ten days, eighty logs an hour
OLDEST = NEWEST - COUNT * STEP
LIMIT = 25
ALL = Window(after=to_ms(OLDEST))

Params = Mapping[str, str | list[str]]


def _log(number: int) -> Document:
    return stored_log(
        f"{number:06}",
        NEWEST - (number // 2) * 2 * STEP,
        status_code=[200, 201, 404, 200, None, 503][number % 60 % 6]
        if number % 10 == 0
        else 200,
        channel="SDK" if number % 50 == 0 else "API",
        method="POST" if number % 20 == 0 else "GET",
        endpoint=f"GET /v1/things/{number % 3}",
        user={"id": f"u{number % 200}", "email": f"m{number % 200}@x.example"},
        api_key={"id": f"k{number % 4}", "name": f"key {number % 4}"},
        resource={"type": f"t{number % 5}", "id": f"r{number % 1000}"},
        task_id=f"task-{number % 2000}",
        import_file_id=f"file-{number % 2000}" if number % 7 == 0 else None,
    )


@pytest.fixture(scope="module")
def seeded(mongodb_uri: str) -> Iterator[str]:
    """The name of a database with many logs of two projects."""
    name = f"test_{uuid4().hex[:12]}"
    with MongoClient[Document](mongodb_uri) as client:
        logs = client[name]["logs"]
        logs.create_indexes(list(INDEXES))
        logs.insert_many([_log(number) for number in range(COUNT)])
        others = (stored_log(f"{n:06}", NEWEST, project_id="p") for n in range(1000))
        logs.insert_many(list(others))
        yield name
        client.drop_database(name)


class Reader:
    """Reads pages as the service does and has each read explained."""

    def __init__(self, database: AsyncDatabase[Document], sent: Sent) -> None:
        self._database = database
        self._sent = sent
        self._logs = Logs(database, monotonic)

    async def page(
        self, params: Params, start: Position | None
    ) -> tuple[Page, list[Explained]]:
        pairs = [
            (name, value)
            for name, values in params.items()
            for value in ([values] if isinstance(values, str) else values)
        ]
        chosen = plan(read_filters(pairs))
        assert chosen is not None
        self._sent.commands.clear()
        page = await self._logs.page(
            "shop",
            chosen,
            ALL,
            cursor=None if start is None else Cursor(start, ALL),
            limit=LIMIT,
            budget=timedelta(seconds=30),
        )
        sent = list(self._sent.commands)
        assert "getMore" not in {next(iter(command)) for command in sent}
        return page, [await explain(self._database, command) for command in sent]


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
    ({"status": "SUCCESS"}, "by_time"),
    ({"status": "FAILURE"}, "failures_by_time"),
    ({"status": "FAILURE", "channel": "SDK"}, "failures_by_time"),
    ({"status": "FAILURE", "status_code": ["404", "null"]}, "failures_by_time"),
    ({"status_code": "404"}, "by_time"),
    ({"status_code": "5xx"}, "by_time"),
    ({"status_code": ["404", "503"]}, "by_time"),
    ({"status_code": "null"}, "by_time"),
    ({"status_code": ["null", "404"]}, "by_time"),
    ({"channel": "SDK"}, "by_time"),
    ({"channel": ["SDK", "OTHER"], "method": "POST"}, "by_time"),
    ({"method": ["POST", "PUT"]}, "by_time"),
    ({"status_code": "2xx", "channel": "SDK", "method": "POST"}, "by_time"),
    ({"endpoint": "GET /v1/things/1"}, "by_ref"),
    ({"endpoint": ["GET /v1/things/1", "GET /v1/things/2"]}, "by_ref"),
    ({"user": "u7"}, "by_ref"),
    ({"user": ["u7", "M8@X.example", "u9"]}, "by_ref"),
    ({"user": [f"u{n}" for n in range(20)]}, "by_ref"),
    ({"user": "u0", "status": "FAILURE"}, "by_ref"),
    ({"user": "u0", "status_code": "404", "method": "GET"}, "by_ref"),
    ({"user": "u7", "endpoint": "GET /v1/things/1"}, "by_ref"),
    ({"user": ["u7", "u8"], "api_key": "key 3", "resource_type": "t2"}, "by_ref"),
    ({"api_key": "key 1"}, "by_ref"),
    ({"api_key": "k1", "channel": "SDK"}, "by_ref"),
    ({"request_id": "req-010000"}, "by_ref"),
    ({"resource_type": "t1"}, "by_ref"),
    ({"resource_id": "r7"}, "by_ref"),
    ({"resource_type": "t2", "resource_id": "r7"}, "by_ref"),
    ({"task_id": "task-9"}, "by_ref"),
    ({"import_file_id": "file-7"}, "by_ref"),
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

    stages = {stage["stage"] for read in reads for stage in read.stages}
    assert set().union(*(read.indexes for read in reads)) <= {index, "by_time"}
    assert any(read.indexes == {index} for read in reads)
    assert not stages & {"COLLSCAN", "SORT"}
    assert sum(read.returned for read in reads) >= len(page.rows)


@pytest.mark.parametrize("depth", [0, 4_000, 16_000])
@pytest.mark.parametrize(
    ("params", "walks"),
    [
        ({}, 0),
        ({"status": "FAILURE"}, 0),
        ({"request_id": "req-000700"}, 1),
        ({"user": "u7"}, 2),  # by id and by e-mail
        ({"user": ["u7", "u8"]}, 4),
        ({"api_key": "k1"}, 2),
    ],
)
async def test_a_page_reads_as_much_as_it_shows_however_deep_it_is(
    reader: Reader, params: Params, walks: int, depth: int
) -> None:
    start = Position(to_ms(NEWEST - depth * STEP)) if depth else None

    page, reads = await reader.page(params, start)

    newest = start.ms if start else to_ms(NEWEST)
    hours = hour_of(newest) - hour_of(to_ms(OLDEST)) + 1
    # An hour without a hit costs a key or two to step over, in each walk.
    steps = 2 * walks * (hours + 1)
    assert sum(read.documents for read in reads) <= len(page.rows) + 1
    assert sum(read.keys for read in reads) <= len(page.rows) + 6 + steps


@pytest.mark.parametrize(
    "params",
    [
        {"status_code": "404"},
        {"status_code": "5xx"},
        {"status_code": ["null", "404"]},
        {"status": "SUCCESS", "channel": "SDK"},
        {"channel": "NONE"},
        {"method": "POST", "status_code": "404"},
    ],
)
async def test_codes_channels_and_methods_are_told_by_the_index_alone(
    reader: Reader, params: Params
) -> None:
    _, reads = await reader.page(params, None)

    for read in reads:
        assert read.documents == (read.returned if "FETCH" in read.names else 0)


async def test_thousands_of_logs_of_one_millisecond_do_not_slow_the_next_page(
    mongodb_uri: str, seeded: str
) -> None:
    sent = Sent()
    client: AsyncMongoClient[Document] = AsyncMongoClient(
        mongodb_uri, tz_aware=True, event_listeners=[sent]
    )
    async with client:
        logs = Logs(client[seeded], monotonic)
        chosen = plan(read_filters([]))
        assert chosen is not None
        cursor = Cursor(Position(to_ms(NEWEST), "000100"), Window())

        page = await logs.page(
            "p",
            chosen,
            Window(),
            cursor=cursor,
            limit=LIMIT,
            budget=timedelta(seconds=9),
        )
        explained = [await explain(client[seeded], item) for item in sent.commands]

    assert [log["id"] for log in page.rows][:2] == ["000099", "000098"]
    assert sum(read.keys for read in explained) <= LIMIT + 2
