"""Documents in the order of an export, from any place on."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import pytest_asyncio
from bson import encode
from daybook.exports.conditions import select
from daybook.exports.objects import OBJECTS
from daybook.exports.parameters import Parameters, read_parameters
from daybook.runtime.clock import monotonic
from daybook.runtime.objects import Objects
from daybook.storage.logs import ensure_logs
from daybook.storage.sendouts import ensure_sendouts
from daybook.storage.tasks import ensure_tasks
from daybook.testing.explaining import Sent
from daybook.testing.stored_logs import stored_log
from daybook.testing.stored_sendouts import stored_attempt, stored_sendout
from daybook.testing.stored_tasks import stored_task
from exporter.reading.batches import BATCH_ROWS, Batch, batches
from exporter.reading.groups import GROUP_ROWS, Cutter
from exporter.reading.in_order import InOrder
from exporter.reading.keys import ByKeys, Lister, list_name
from exporter.reading.readers import expected_rows, order_of
from exporter.rows import columns, projection
from exporter.storing import Storage
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

Document = dict[str, Any]
Database = AsyncDatabase[Document]

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
BEGUN = NOW - timedelta(days=3)
TIERS = {"shared": timedelta(days=180)}


@pytest_asyncio.fixture(autouse=True)
async def stored(database: Database) -> None:
    """Things over some hours, several in each millisecond that has any."""
    await ensure_logs(database["logs"], TIERS)
    await ensure_sendouts(database["sendouts"], TIERS)
    await ensure_tasks(database["tasks"], database["task_failed_rows"])
    moments = [BEGUN + timedelta(minutes=47 * (n // 3)) for n in range(24)]
    await database["logs"].insert_many(
        [
            stored_log(
                f"l-{n:02d}",
                moment,
                user={"id": f"u-{n % 3}", "email": f"u-{n % 3}@shop.example"},
                api_key={"id": f"k-{n % 2}", "kind": ("server", "client")[n % 2]},
                status_code=500 if n % 4 == 0 else 200,
            )
            for n, moment in enumerate(moments)
        ]
        + [stored_log("foreign", BEGUN, project_id="other")]
    )
    await database["sendouts"].insert_many(
        [
            stored_sendout(
                f"s-{n:02d}",
                moment,
                *(
                    stored_attempt(2 * k + 1, moment, status_code=500 if k else 200)
                    for k in range(n % 4)
                ),
            )
            for n, moment in enumerate(moments)
        ]
    )
    await database["tasks"].insert_many(
        [stored_task(f"t-{n:02d}", moment) for n, moment in enumerate(moments)]
    )


def asked(name: str, order: str = "created_at", **filters: Any) -> Parameters:
    conditions = {field: {"conditions": one} for field, one in filters.items()}
    given = {"order": order, "filters": conditions}
    return read_parameters({"exported_object": name, "parameters": given})


def reader_of(database: Database, parameters: Parameters) -> InOrder:
    name = parameters.exported_object
    return InOrder(
        database[OBJECTS[name].collection],
        name,
        select(parameters, "shop", NOW),
        order_of(parameters.order),
        projection(name, parameters.fields),
        Random(1),
    )


async def read(
    database: Database, parameters: Parameters, place: Document | None = None
) -> list[Document]:
    groups = reader_of(database, parameters).groups(place)
    return [one async for group in groups for one in group.documents()]


async def places(database: Database, parameters: Parameters) -> list[Document]:
    """Where reading goes on after each document."""
    groups = [one async for one in reader_of(database, parameters).groups(None)]
    return [
        group.place_after(documents[: n + 1])
        for group in groups
        for documents in [group.documents()]
        for n in range(len(documents))
    ]


EACH_USER: Document = {"$in": ["u-0@shop.example", "u-1@shop.example"]}


@pytest.mark.parametrize("order", ["created_at", "-created_at"])
@pytest.mark.parametrize(
    ("name", "filters"),
    [
        ("api_log", {}),
        ("api_log", {"status": {"$is": ["FAILURE"]}}),
        ("api_log", {"user_email": EACH_USER}),
        ("api_log", {"request_id": {"$is": ["req-l-05"]}}),
        ("webhook_sendout", {}),
        ("webhook_attempt", {}),
        ("webhook_attempt", {"status_code": {"$is": ["5xx"]}}),
        ("webhook_attempt", {"event_type": {"$is": ["voucher.created"]}}),
    ],
    ids=str,
)
async def test_reading_goes_on_after_any_document_with_the_next(
    database: Database, name: str, filters: Document, order: str
) -> None:
    parameters = asked(name, order, **filters)

    whole = await read(database, parameters)

    assert len(whole) > 0
    by_place = [
        (one["created_at"], one["_id"], one.get("history", {}).get("attempt", 0))
        for one in whole
    ]
    assert len(set(by_place)) == len(by_place)
    down = order.startswith("-")
    keys = [key[:2] for key in by_place]
    assert keys == sorted(keys, reverse=down)
    for n, place in enumerate(await places(database, parameters), start=1):
        assert await read(database, parameters, place) == whole[n:]


async def test_attempts_are_in_their_order_within_a_sendout(database: Database) -> None:
    parameters = asked("webhook_attempt", "-created_at")

    rows = columns(
        "webhook_attempt", ["sendout_id", "attempt"], await read(database, parameters)
    )

    found = list(zip(*rows, strict=True))
    assert len(found) == sum(n % 4 for n in range(24))
    assert [one for one in found if one[0] == "s-23"] == [
        ("s-23", 1),
        ("s-23", 3),
        ("s-23", 5),
    ]


async def test_a_walk_by_references_finds_what_all_of_them_have(
    database: Database,
) -> None:
    found = await read(database, asked("api_log", "-created_at", user_email=EACH_USER))

    assert [one["id"] for one in found] == [
        f"l-{n:02d}" for n in range(23, -1, -1) if n % 3 < 2
    ]


@pytest.mark.parametrize("order", ["created_at", "-created_at"])
@pytest.mark.parametrize(
    "filters",
    [{}, {"status": {"$is": ["FAILURE"]}}, {"user_email": EACH_USER}],
    ids=["all", "failures", "of two users"],
)
async def test_nothing_is_sorted_in_memory_and_no_document_is_read_in_vain(
    database: Database, mongodb_uri: str, filters: Document, order: str
) -> None:
    sent = Sent()
    parameters = asked("api_log", order, **filters)
    (*_, place) = (await places(database, parameters))[:5]
    async with AsyncMongoClient[Document](
        mongodb_uri, event_listeners=[sent], tz_aware=True
    ) as client:
        rest = await read(client[database.name], parameters, place)

    finds = [command for command in sent.commands if "find" in command]
    assert len(finds) == 2  # the rest of the millisecond, and all behind it
    for command in finds:
        told = ("find", "filter", "sort", "projection", "hint")
        stats = (
            await database.command(
                "explain",
                {name: command[name] for name in told},
                verbosity="executionStats",
            )
        )["executionStats"]
        assert '"SORT"' not in repr(stats).replace("'", '"')
        assert stats["totalDocsExamined"] <= len(rest)


async def test_a_database_that_forgets_the_cursor_is_asked_again(
    database: Database,
) -> None:
    more = [stored_log(f"m-{n:05d}", NOW - timedelta(hours=1)) for n in range(25_000)]
    await database["logs"].insert_many(more)
    groups = reader_of(database, asked("api_log")).groups(None)
    found = (await anext(groups)).documents()

    await kill_cursors(database, "logs")

    found += [one async for group in groups for one in group.documents()]
    assert len(found) == 24 + 25_000
    assert len({one["_id"] for one in found}) == len(found)


async def test_a_reading_that_is_left_leaves_no_cursor_open(
    database: Database,
) -> None:
    more = [stored_log(f"m-{n:05d}", NOW - timedelta(hours=1)) for n in range(2_500)]
    await database["logs"].insert_many(more)
    found = batches(database["logs"], {"find": None, "filter": {}})
    first = await anext(found)
    open_before = await cursors(database, "logs")

    await found.aclose()

    assert len(first.documents()) == BATCH_ROWS
    assert len(open_before) == 1
    assert await cursors(database, "logs") == []


async def test_a_reading_that_finds_nothing_has_no_batch(database: Database) -> None:
    asked = {"find": None, "filter": {"_id": "nobody's"}}

    found = [one async for one in batches(database["logs"], asked)]

    assert found == []


async def kill_cursors(database: Database, collection: str) -> None:
    found = await cursors(database, collection)
    assert found
    await database.command("killCursors", collection, cursors=found)


async def cursors(database: Database, collection: str) -> list[int]:
    """Those that are open between two batches."""
    pipeline: list[Document] = [
        {"$currentOp": {"idleCursors": True, "allUsers": True}},
        {
            "$match": {
                "ns": f"{database.name}.{collection}",
                "cursor": {"$exists": True},
            }
        },
    ]
    async with await database.client["admin"].aggregate(pipeline) as operations:
        return [one["cursor"]["cursorId"] async for one in operations]


def test_groups_end_by_rows_or_bytes_wherever_batches_do() -> None:
    documents = [encode({"n": n, "text": "x" * (n % 5 * 50)}) for n in range(40)]

    def cut(batch: int) -> list[list[bytes]]:
        cutter = Cutter(most_rows=7, most_bytes=600)
        groups: list[list[Batch]] = []
        for start in range(0, len(documents), batch):
            groups += cutter.cut(Batch.of(documents[start : start + batch]))
        return [
            [one for piece in group for one in piece.documents()]
            for group in [*groups, cutter.rest()]
        ]

    assert cut(1) == cut(3) == cut(13) == cut(40)
    assert [one for group in cut(13) for one in group] == documents


@pytest_asyncio.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    yield Storage(Objects(str(tmp_path)), timedelta(seconds=5), Random(1), monotonic)


@pytest.mark.parametrize("order", ["created_at", "-created_at"])
async def test_tasks_are_there_once_each_though_they_move_while_they_are_read(
    database: Database, storage: Storage, order: str
) -> None:
    parameters = asked("async_action", order)
    tasks = database["tasks"]
    selection = select(parameters, "shop", NOW)
    lister = Lister(tasks, selection, order_of(order), storage, Random(1))
    keys = await lister.list("exports/shop/e/1")
    await tasks.update_many({}, {"$set": {"created_at": BEGUN - timedelta(days=1)}})
    await tasks.update_one({"_id": "shop/t-07"}, {"$set": {"status": "FAILED"}})
    await tasks.insert_one(stored_task("new", NOW))
    shown = projection("async_action", parameters.fields)

    found = [
        one
        async for group in ByKeys(tasks, keys, shown, storage, Random(1)).groups(None)
        for one in group.documents()
    ]

    ids = [one["id"] for one in found]
    assert ids == sorted((f"t-{n:02d}" for n in range(24)), reverse=order[0] == "-")
    assert next(one for one in found if one["id"] == "t-07")["status"] == "FAILED"
    assert keys.count == 24


async def test_tasks_are_read_on_by_the_lists_of_whoever_began(
    database: Database, storage: Storage
) -> None:
    count = 2 * GROUP_ROWS + 5
    await database["tasks"].delete_many({})
    await database["tasks"].insert_many(
        [stored_task(f"t-{n:05d}", BEGUN) for n in range(count)]
    )
    parameters = asked("async_action")
    selection = select(parameters, "shop", NOW)
    lister = Lister(database["tasks"], selection, order_of("+"), storage, Random(1))
    keys = await lister.list("exports/shop/e/1")
    shown = projection("async_action", parameters.fields)
    reader = ByKeys(database["tasks"], keys, shown, storage, Random(1))

    first = await anext(reader.groups(None))
    place = first.place_after(first.documents())
    rest = [
        one["id"] async for group in reader.groups(place) for one in group.documents()
    ]

    assert rest == [f"t-{n:05d}" for n in range(GROUP_ROWS, count)]
    assert keys.names() == [list_name("exports/shop/e/1", 0)]
    assert [name async for name in storage.objects.list("exports/")] == keys.names()


@pytest.mark.parametrize(
    ("name", "filters", "count"),
    [
        ("api_log", {}, 24),
        ("api_log", {"user_email": EACH_USER}, 16),
        ("webhook_sendout", {}, 24),
        ("webhook_attempt", {}, 36),
        ("webhook_attempt", {"status_code": {"$is": ["5xx"]}}, 18),
        ("webhook_sendout", {"event_type": {"$is": ["nothing"]}}, 0),
    ],
)
async def test_the_rows_to_come_are_counted(
    database: Database, name: str, filters: Document, count: int
) -> None:
    parameters = asked(name, **filters)
    selection = select(parameters, "shop", NOW)
    collection = database[OBJECTS[parameters.exported_object].collection]

    counted = await expected_rows(collection, name, selection, timedelta(seconds=5))

    assert counted == count


def test_what_a_row_shows_of_a_log_is_where_the_log_has_it() -> None:
    log = stored_log(
        "l",
        NOW.replace(tzinfo=None),
        user={"id": "u", "email": "u@shop.example"},
        api_key={"id": "k", "name": "key", "kind": "client"},
        request={"body": '{"a":1}', "headers": []},
    )
    fields = [*OBJECTS["api_log"].fields]

    row = dict(zip(fields, columns("api_log", fields, [log]), strict=True))

    assert row == {
        "id": ["l"],
        "created_at": [NOW.replace(tzinfo=None)],
        "status": ["SUCCESS"],
        "request_id": ["req-l"],
        "channel": ["API"],
        "method": ["GET"],
        "endpoint": ["GET /v1/orders/{id}"],
        "url": ["https://shop.example/v1/orders/l"],
        "user_email": ["u@shop.example"],
        "app_id": [None],
        "client_app_id": ["k"],
        "request_duration": [12.3],
        "request_body": ['{"a":1}'],
        "response_body": [None],
    }


@pytest.mark.parametrize("name", OBJECTS)
async def test_each_field_can_be_exported_alone(database: Database, name: Any) -> None:
    collection = database[OBJECTS[name].collection]
    unwind: list[Document] = [{"$unwind": "$history"}] if "attempt" in name else []

    for field in OBJECTS[name].fields:
        stages = [*unwind, {"$project": projection(name, [field])}]
        async with await collection.aggregate(stages) as found:
            documents = await found.to_list()
        (alone,) = columns(name, [field], documents)
        assert len(alone) == len(documents)
