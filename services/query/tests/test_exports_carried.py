"""An export of a list's filters selects what the list shows: each filter, each pair."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any, Final

import pytest
from daybook.exports.conditions import select
from daybook.exports.parameters import read_parameters
from daybook.runtime.clock import monotonic
from daybook.runtime.mongo import Document
from daybook.storage.sendout_filters import SENDOUT_FILTERS
from daybook.storage.sendouts import SENDOUT_INDEXES
from daybook.testing.stored_logs import stored_log
from daybook.testing.stored_sendouts import stored_attempt, stored_sendout
from daybook.testing.stored_tasks import stored_task
from pymongo.asynchronous.database import AsyncDatabase
from query.exports.carried import carried
from query.filters import Filters, Window
from query.logs.filters import VALUE_FILTERS, read_filters
from query.logs.plans import plan
from query.plans import Plan
from query.reads import Source
from query.shapes import Json, ms_text
from query.tasks.filters import TASK_VALUE_FILTERS, read_task_filters
from query.tasks.plans import plan_tasks
from query.webhooks.filters import read_sendout_filters
from query.webhooks.plans import plan_sendouts

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BUDGET = timedelta(seconds=30)
Database = AsyncDatabase[Document]
StoreTasks = Callable[..., Awaitable[None]]
Query = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One list, and the export that carries it over."""

    collection: str
    exported_object: str
    names: tuple[str, ...]
    read: Callable[[Query], Filters]
    plan: Callable[[Filters], Plan | None]


LOGS: Final = Kind("logs", "api_log", VALUE_FILTERS, read_filters, plan)
TASKS: Final = Kind(
    "tasks",
    "async_action",
    TASK_VALUE_FILTERS,
    read_task_filters,
    plan_tasks,
)
SENDOUTS: Final = Kind(
    "sendouts",
    "webhook_sendout",
    SENDOUT_FILTERS,
    read_sendout_filters,
    plan_sendouts,
)
# Of each filter some that match and some that do not.
VALUES: Final[Mapping[str, Mapping[str, Sequence[Sequence[str]]]]] = {
    "logs": {
        "status": [["FAILURE"], ["SUCCESS"], ["FAILURE", "SUCCESS"]],
        "status_code": [["404"], ["4xx"], ["null"], ["2xx", "null", "500"]],
        "method": [["POST"], ["POST", "GET"]],
        "endpoint": [["GET /v1/a"], ["GET /v1/a", "POST /v1/b"], ["get /v1/a"]],
        "channel": [["API"], ["USER_PORTAL", "API"]],
        "user": [["u1"], ["U1@X.example"], ["u1@x.example", "u2"]],
        "api_key": [["k1"], ["Checkout"], ["k2", "Checkout"]],
        "request_id": [["req-3"], ["req-3", "req-4", "none"]],
        "resource_type": [["voucher"], ["order", "voucher"]],
        "resource_id": [["r1"], ["r1", "r2"]],
        "task_id": [["t1"], ["t1", "t2"]],
        "import_file_id": [["f1"], ["none"]],
    },
    "tasks": {
        "type": [["VOUCHERS.IMPORT"], ["A.B", "VOUCHERS.IMPORT"], ["none"]],
        "status": [["FAILED"], ["ENQUEUED", "IN_PROGRESS"], ["DONE", "FAILED"]],
        "operation_status": [["SUCCESS"], ["FAILED", "UNKNOWN"]],
        "stalled": [["true"], ["false"], ["true", "false"]],
        "user": [["u1"], ["u1@x.example", "u2"]],
        "request_id": [["req-3"], ["req-3", "req-4"]],
        "import_file_id": [["f1"], ["none"]],
        "progress": [["0"], ["50", "100"]],
        "progress[gte]": [["50"]],
        "progress[lte]": [["50"]],
    },
    "sendouts": {
        "status": [["FAILED"], ["FAILED", "HELD"], ["SENT", "SCHEDULED"]],
        "event_type": [["a.b"], ["a.*"], ["*.b", "c"], ["A.B"], ["a.b$"]],
        "event_id": [["event-3"], ["event-3", "event-4"]],
        "endpoint_id": [["we_1"], ["we_1", "we_2"]],
        "entity_id": [["v1"], ["none"]],
        "group_id": [["g1"], ["g1", "g2"]],
        "status_code": [["500"], ["5xx"], ["null"], ["200", "null"]],
        "attempts[gte]": [["0"], ["1"], ["2"]],
    },
}


def some(number: int, *choices: Any) -> Any:
    """One of them, in an order of its own for each number of them."""
    return choices[(number * 7 // len(choices) + number) % len(choices)]


def log(number: int) -> Document:
    user_id, email = some(number, None, "u1", "u2"), some(number, None, "u1@x.example")
    person = {"id": user_id, "email": email}
    key = {
        "id": some(number, "k1", "k2"),
        "name": some(number, "Checkout", "Till", "k1"),
        "kind": some(number, "server", "client"),
    }
    return stored_log(
        str(number),
        NOW - number * MINUTE,
        status_code=some(number, 200, 201, 404, 500, None),
        method=some(number, "GET", "POST", "PUT"),
        endpoint=some(number, "GET /v1/a", "POST /v1/b", None),
        channel=some(number, "API", "USER_PORTAL", "CLIENT_API", None),
        user={name: value for name, value in person.items() if value} or None,
        api_key=some(number, key, None, key),
        resource=some(
            number, None, {"type": "voucher", "id": "r1"}, {"type": "order", "id": "r2"}
        ),
        task_id=some(number, None, "t1", None, "t2"),
        import_file_id=some(number, None, None, "f1"),
    )


def task(number: int) -> Document:
    status = some(number, "DONE", "FAILED", "ENQUEUED", "IN_PROGRESS")
    running = status == "IN_PROGRESS"
    return stored_task(
        str(number),
        NOW - number * MINUTE,
        status=status,
        operation_status=some(number, "SUCCESS", "FAILED", "UNKNOWN"),
        task_type=some(number, "VOUCHERS.IMPORT", "A.B", None),
        stalled=some(number, True, False) if running else some(number, False, None),
        progress=some(number, 0, 50, 51, 100, None),
        user=some(number, None, {"id": "u1"}, {"id": "u2", "email": "u1@x.example"}),
        import_file_id=some(number, None, "f1"),
    )


def sendout(number: int) -> Document:
    at = NOW - number * MINUTE
    code, again = some(number, 200, 500, None), some(number, 500, 200, None, 404)
    history = [
        stored_attempt(1, at, status_code=code),
        stored_attempt(2, at, status_code=again),
    ]
    return stored_sendout(
        str(number),
        at,
        *history[: some(number, 0, 1, 2)],
        status=some(number, "SCHEDULED", "SENT", "RETRYING", "FAILED", "HELD"),
        event_type=some(number, "a.b", "a.b.c", "c", "xa.b", "a.b\n"),
        endpoint_id=some(number, "we_1", "we_2", "we_3"),
        entity_id=some(number, None, "v1"),
        group_id=some(number, None, "g1", "g2"),
    )


@pytest.fixture
async def stored(database: Database, store_tasks: StoreTasks) -> Database:
    await database["sendouts"].create_indexes(list(SENDOUT_INDEXES))
    await database["logs"].insert_many([log(number) for number in range(150)])
    await store_tasks(*(task(number) for number in range(150)))
    await database["sendouts"].insert_many([sendout(number) for number in range(150)])
    return database


async def listed(
    database: Database, kind: Kind, filters: Filters, window: Window
) -> list[str]:
    chosen = kind.plan(filters)
    if chosen is None:
        return []
    page = await Source(database[kind.collection], {"id": 1}, monotonic).page(
        "shop", chosen, window, cursor=None, limit=1_000, budget=BUDGET
    )
    assert (page.next, page.searched_until) == (None, None)
    return [row["id"] for row in page.rows]


async def exported(database: Database, kind: Kind, filters: Json) -> list[str]:
    body = {"exported_object": kind.exported_object, "parameters": {"filters": filters}}
    selection = select(read_parameters(body), "shop", NOW + MINUTE)
    found = database[kind.collection].find(
        selection.match,
        {"id": 1},
        sort=[("created_at", -1), ("_id", -1)],
        hint=selection.index,
    )
    return [row["id"] async for row in found]


def queries(kind: Kind) -> list[Query]:
    """No filter, each filter alone by all of its values, and each pair by one."""
    of_each = {
        name: [tuple((name, value) for value in values) for values in given]
        for name, given in VALUES[kind.collection].items()
    }
    alone = [query for given in of_each.values() for query in given]
    pairs = [
        (*of_each[one][0], *of_each[other][-1])
        for one, other in combinations(of_each, 2)
    ]
    return [(), *alone, *pairs]


@pytest.mark.parametrize(
    "kind", [LOGS, TASKS, SENDOUTS], ids=lambda kind: kind.collection
)
async def test_an_export_of_a_lists_filters_selects_what_the_list_shows(
    stored: Database, kind: Kind
) -> None:
    found_any = 0
    for query in queries(kind):
        filters = kind.read(query)

        shown = await listed(stored, kind, filters, Window())
        selected = await exported(stored, kind, carried(filters, Window()))

        assert selected == shown, query
        found_any += 0 < len(shown) < 150

    # Each filter tells some from others, or the comparison would say little.
    assert set(VALUES[kind.collection]) == set(kind.names)
    assert found_any > 2 * len(kind.names)


@pytest.mark.parametrize(
    "kind", [LOGS, TASKS, SENDOUTS], ids=lambda kind: kind.collection
)
@pytest.mark.parametrize("bounds", [(10, None), (None, 20), (10, 20)])
async def test_a_windows_bounds_are_carried_exactly(
    stored: Database, kind: Kind, bounds: tuple[int | None, int | None]
) -> None:
    times = [
        None if back is None else int((NOW - back * MINUTE).timestamp() * 1000)
        for back in bounds
    ]
    before, after = times
    window = Window(after, before)

    shown = await listed(stored, kind, Filters(), window)
    selected = await exported(stored, kind, carried(Filters(), window))

    assert selected == shown
    assert ms_text(after) in (None, "2026-11-24T02:40:00.000Z")
    assert ("20" in selected, "10" in selected) == (True, before is None)


def test_a_list_without_filters_is_carried_as_none() -> None:
    assert carried(Filters(), Window()) == {}
