"""What the service really sends to MongoDB for sendouts, explained by MongoDB."""

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from daybook.runtime.clock import monotonic
from daybook.runtime.mongo import Document
from daybook.storage.sendouts import SENDOUT_INDEXES
from daybook.storage.times import hour_of, to_ms
from daybook.testing.explaining import Explained, Sent, explain
from daybook.testing.stored_sendouts import stored_attempt, stored_sendout
from pymongo import AsyncMongoClient, MongoClient
from pymongo.asynchronous.database import AsyncDatabase
from query.cursors import Cursor, Position
from query.filters import Window
from query.reads import Source
from query.search import Page
from query.webhooks.filters import read_sendout_filters
from query.webhooks.plans import plan_sendouts
from query.webhooks.stats import EndpointStats

NEWEST = datetime(2026, 11, 24, 3, tzinfo=UTC)
COUNT = 20_000
STEP = timedelta(seconds=43)  # ten days, eighty sendouts an hour
LIMIT = 10
BUDGET = timedelta(seconds=30)

Params = Mapping[str, str | list[str]]


def _sendout(number: int) -> Document:
    at = NEWEST - (number // 2) * 2 * STEP
    status = {7: "FAILED", 8: "RETRYING", 9: "HELD"}.get(number % 500, "SENT")
    code = 200 if status == "SENT" else 500
    return stored_sendout(
        f"{number:06}",
        at,
        *([] if status == "HELD" else [stored_attempt(1, at, status_code=code)]),
        status=status,
        endpoint_id=f"we_{number % 4}",
        event_type="rare.one" if number % 4000 == 3 else f"type.{number % 3}",
        event_id=f"event-{number // 2}",
        entity_id=f"v{number % 1000}",
        group_id=f"r{number % 2000}",
    )


@pytest.fixture(scope="module")
def seeded(mongodb_uri: str) -> Iterator[str]:
    """The name of a database with many sendouts."""
    name = f"test_{uuid4().hex[:12]}"
    with MongoClient[Document](mongodb_uri) as client:
        sendouts = client[name]["sendouts"]
        sendouts.create_indexes(list(SENDOUT_INDEXES))
        sendouts.insert_many([_sendout(number) for number in range(COUNT)])
        yield name
        client.drop_database(name)


class Reader:
    """Reads as the service does and has each read explained."""

    def __init__(self, database: AsyncDatabase[Document], sent: Sent) -> None:
        self.database = database
        self.sent = sent
        self._source = Source(database["sendouts"], {"payload": 0}, monotonic)

    async def page(
        self, params: Params, start: Position | None
    ) -> tuple[Page, list[Explained]]:
        pairs = [
            (name, value)
            for name, values in params.items()
            for value in ([values] if isinstance(values, str) else values)
        ]
        self.sent.commands.clear()
        page = await self._source.page(
            "shop",
            plan_sendouts(read_sendout_filters(pairs)),
            Window(),
            cursor=None if start is None else Cursor(start, Window()),
            limit=LIMIT,
            budget=BUDGET,
        )
        sent = list(self.sent.commands)
        assert "getMore" not in {next(iter(command)) for command in sent}
        return page, [await explain(self.database, command) for command in sent]


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
    ({"status": "SENT"}, "by_time"),
    ({"status": ["SENT", "FAILED"]}, "by_time"),
    ({"status_code": "5xx"}, "by_time"),
    ({"attempts[gte]": "1"}, "by_time"),
    ({"event_type": "type.*"}, "by_time"),
    ({"event_type": ["type.1", "rare.*"]}, "by_time"),
    ({"status": "FAILED"}, "failed_by_status"),
    ({"status": ["FAILED", "HELD"]}, "failed_by_status"),
    ({"status": ["FAILED", "HELD", "RETRYING"]}, "failed_by_status"),
    ({"status": "FAILED", "endpoint_id": "we_3"}, "failed_by_status"),
    ({"status": "HELD", "event_type": "type.*"}, "failed_by_status"),
    ({"endpoint_id": "we_1"}, "by_ref"),
    ({"endpoint_id": ["we_1", "we_2"], "status": "SENT"}, "by_ref"),
    ({"endpoint_id": "we_1", "event_type": "type.*"}, "by_ref"),
    ({"event_type": "type.1"}, "by_ref"),
    ({"event_type": ["type.1", "rare.one"], "status_code": "200"}, "by_ref"),
    ({"event_id": "event-5000"}, "by_ref"),
    ({"entity_id": "v7", "status": "FAILED"}, "by_ref"),
    ({"group_id": "r7", "endpoint_id": "we_3"}, "by_ref"),
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
    [{}, {"status": "FAILED"}, {"status": ["FAILED", "HELD", "RETRYING"]}],
)
async def test_a_page_reads_as_much_as_it_shows_however_deep_it_is(
    reader: Reader, params: Params, depth: int
) -> None:
    start = Position(to_ms(NEWEST - depth * STEP)) if depth else None

    page, reads = await reader.page(params, start)

    assert len(reads) == 1
    # Of each walk that is merged, one more.
    assert sum(read.documents for read in reads) <= len(page.rows) + 3
    assert sum(read.keys for read in reads) <= len(page.rows) + 6


@pytest.mark.parametrize(
    ("params", "most"),
    [
        ({"event_id": "event-9000"}, 2),
        ({"entity_id": "v7"}, 20),
        ({"event_type": "rare.one"}, 5),
        ({"status": "HELD"}, 40),
        ({"status": "FAILED", "endpoint_id": "we_0"}, 50),
    ],
)
async def test_what_is_rare_is_found_without_a_look_at_what_is_common(
    reader: Reader, params: Params, most: int
) -> None:
    page, reads = await reader.page(params, None)

    assert page.searched_until is None
    of_documents = [read for read in reads if "by_time" not in read.indexes]
    assert sum(read.documents for read in of_documents) <= most


async def test_volume_by_hour_is_counted_by_keys_alone(reader: Reader) -> None:
    stats = EndpointStats(
        reader.database, lambda: NEWEST, monotonic, BUDGET, most_sampled=100
    )

    reader.sent.commands.clear()
    found = await stats.of("shop", "we_1")
    sent = list(reader.sent.commands)

    assert (found.sampled, found.complete) == (100, False)
    assert found.success_rate is not None
    last = hour_of(to_ms(NEWEST))
    expected = [
        sum(
            1
            for number in range(1, COUNT, 4)
            if hour_of(to_ms(NEWEST - (number // 2) * 2 * STEP)) == hour
        )
        for hour in range(last - 23, last + 1)
    ]
    assert [count for _, count in found.hours] == expected
    counts = [command for command in sent if "aggregate" in command]
    assert len(counts) == 24
    answer: dict[str, Any] = await reader.database.command(
        "explain",
        {name: counts[1][name] for name in ("aggregate", "pipeline", "hint", "cursor")},
        verbosity="executionStats",
    )
    stats_of = (
        answer.get("executionStats") or answer["stages"][0]["$cursor"]["executionStats"]
    )
    assert stats_of["totalDocsExamined"] == 0
    assert stats_of["totalKeysExamined"] <= expected[-2] + 1


async def test_stats_whose_time_ran_out_say_so(reader: Reader) -> None:
    seconds = iter(range(1000))
    stats = EndpointStats(
        reader.database,
        lambda: NEWEST,
        lambda: float(next(seconds)),
        timedelta(seconds=2),
    )

    found = await stats.of("shop", "we_1")

    assert found.complete is False
    assert found.sampled == 2
    assert found.hours[0][1] is None
