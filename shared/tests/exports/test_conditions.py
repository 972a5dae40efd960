"""What an export's filters select, against the same said in plain Python."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from operator import eq, ge, gt, le, lt
from typing import Any

import pytest
import pytest_asyncio
from daybook.exports.conditions import select
from daybook.exports.parameters import read_parameters
from daybook.storage.logs import ensure_logs
from daybook.testing.stored_logs import stored_log
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection

Document = dict[str, Any]
Logs = AsyncCollection[Document]
Holds = Callable[[Document], bool]
TextOf = Callable[[Document], str | None]

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
# Of each field odd values, absent and null ones among them.
URLS = (
    None,
    "",
    "https://a.example/x",
    "https://a.example/X?q=.*",
    "ä(",
    "$^\n",
    "a\n",
)
EMAILS = (None, "", "Ann@Example.com", "bob@example.com")
KEYS: tuple[Document | None, ...] = (
    None,
    {"id": "k1", "kind": "server"},
    {"id": "k1", "kind": "client"},
    {},
)
CODES = (None, 200, 201, 404, 500)
DURATIONS = (None, 0, 12, 12.5, 10**15)


def documents() -> list[Document]:
    made: list[Document] = []
    for number in range(120):
        user = {"id": f"u{number % 3}", "email": EMAILS[number % len(EMAILS)]}
        made.append(
            stored_log(
                f"l-{number:03d}",
                NOW - timedelta(minutes=number),
                url=URLS[number % len(URLS)],
                user=user if number % 5 < 4 else None,
                api_key=KEYS[number % 3 if number % 7 else 3],
                status_code=CODES[number % len(CODES)],
                duration_ms=DURATIONS[number % 4],
            )
        )
    return made


@pytest_asyncio.fixture
async def logs(mongo_client: AsyncMongoClient[Document], database_name: str) -> Logs:
    collection = mongo_client[database_name]["logs"]
    await ensure_logs(collection, {"shared": timedelta(days=180)})
    await collection.insert_many(documents())
    return collection


async def selected(logs: Logs, filters: Document) -> set[str]:
    """Ids that a selection finds by its own index, references walked as they are."""
    parameters = read_parameters(
        {"exported_object": "api_log", "parameters": {"filters": filters}}
    )
    selection = select(parameters, "shop", NOW + timedelta(days=1))
    matches: list[Document] = [selection.match]
    if selection.refs is not None:
        matches = [{"refs": one, **selection.match} for one in selection.refs]
    found: set[str] = set()
    for match in matches:
        cursor = logs.find(match, {"id": 1}, hint=selection.index)
        found |= {one["id"] async for one in cursor}
    return found


def expected(holds: Holds) -> set[str]:
    return {one["id"] for one in documents() if holds(one)}


def email_of(log: Document) -> str | None:
    user: Document = log.get("user") or {}
    return user.get("email")


def key_of(log: Document, kind: str) -> str | None:
    key: Document = log.get("api_key") or {}
    return key.get("id") if key.get("kind") == kind else None


def text(field: TextOf, operator: str, value: str) -> Holds:
    def holds(log: Document) -> bool:
        found = field(log)
        held: dict[str, bool] = {
            "$is": found == value,
            "$in": found == value,
            "$contains": found is not None and value in found,
            "$starts_with": found is not None and found.startswith(value),
            "$ends_with": found is not None and found.endswith(value),
            "$has_value": found is not None,
        }
        for name, positive in (
            ("$is_not", "$is"),
            ("$not_in", "$in"),
            ("$not_contain", "$contains"),
            ("$is_unknown", "$has_value"),
        ):
            held[name] = not held[positive]
        return held[operator]

    return holds


OPERATORS = (
    *("$is", "$is_not", "$in", "$not_in", "$contains", "$not_contain"),
    *("$starts_with", "$ends_with", "$has_value", "$is_unknown"),
)


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("value", ["", "https://", ".*", "(", "\n", "$", "X", "a"])
async def test_texts_are_compared_as_text(
    logs: Logs, operator: str, value: str
) -> None:
    found = await selected(logs, {"url": {"conditions": {operator: [value]}}})

    assert found == expected(text(lambda log: log.get("url"), operator, value))


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("value", ["Ann@Example.com", "bob@example.com", "nobody"])
async def test_parts_of_a_log_are_compared_as_they_are(
    logs: Logs, operator: str, value: str
) -> None:
    found = await selected(logs, {"user_email": {"conditions": {operator: value}}})

    assert found == expected(text(email_of, operator, value))


@pytest.mark.parametrize(
    "operator", ["$is", "$is_not", "$in", "$has_value", "$is_unknown"]
)
@pytest.mark.parametrize(
    ("name", "kind"), [("app_id", "server"), ("client_app_id", "client")]
)
async def test_a_key_counts_under_its_kind(
    logs: Logs, operator: str, name: str, kind: str
) -> None:
    found = await selected(logs, {name: {"conditions": {operator: ["k1"]}}})

    assert found == expected(text(lambda log: key_of(log, kind), operator, "k1"))


@pytest.mark.parametrize(
    ("operator", "holds"),
    [
        ("$more_than", gt),
        ("$more_than_equal", ge),
        ("$less_than", lt),
        ("$less_than_equal", le),
        ("$is", eq),
    ],
)
async def test_numbers_are_compared_as_numbers(
    logs: Logs, operator: str, holds: Callable[[Any, Any], bool]
) -> None:
    found = await selected(logs, {"request_duration": {"conditions": {operator: [12]}}})

    def within(log: Document) -> bool:
        return log.get("duration_ms") is not None and holds(log["duration_ms"], 12)

    assert found == expected(within)


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ([404], {404}),
        (["2xx"], {200, 201}),
        (["null"], {None}),
        (["5xx", "null", 404], {None, 404, 500}),
    ],
)
async def test_status_codes_are_codes_classes_or_none(
    logs: Logs, values: list[Any], codes: set[int | None]
) -> None:
    asked = {"status_code": {"conditions": {"$in": values}}}
    others = {"status_code": {"conditions": {"$not_in": values}}}

    def holds(log: Document) -> bool:
        return log.get("status_code") in codes

    assert await selected(logs, asked) == expected(holds)
    assert await selected(logs, others) == expected(lambda log: not holds(log))


@pytest.mark.parametrize("value", ["u1", "ann@example.com", "ANN@EXAMPLE.COM"])
async def test_a_user_is_an_id_or_an_address_whatever_its_case(
    logs: Logs, value: str
) -> None:
    def holds(log: Document) -> bool:
        user: Document = log.get("user") or {}
        address = (user.get("email") or "").lower()
        return user.get("id") == value or address == value.lower()

    walked = await selected(logs, {"user": {"conditions": {"$is": value}}})
    checked = await selected(
        logs,
        {"user": {"conditions": {"$is": value}}, "junction": "or"},
    )

    assert walked == checked == expected(holds)


async def test_times_within_a_millisecond_are_exact(logs: Logs) -> None:
    edge = NOW - timedelta(minutes=60)
    half = edge + timedelta(microseconds=500)

    async def found(operator: str, moment: datetime) -> set[str]:
        asked = {"created_at": {"conditions": {operator: [moment.isoformat()]}}}
        return await selected(logs, asked)

    assert await found("$after", edge) == expected(lambda log: log["created_at"] > edge)
    assert await found("$more_than_equal", edge) == expected(
        lambda log: log["created_at"] >= edge
    )
    assert await found("$before", half) == expected(
        lambda log: log["created_at"] < half
    )
    assert await found("$more_than_equal", half) == expected(
        lambda log: log["created_at"] >= half
    )


@pytest.mark.parametrize("junction", ["and", "OR"])
async def test_a_junction_joins_fields(logs: Logs, junction: str) -> None:
    filters: Document = {
        "junction": junction,
        "status": {"conditions": {"$is": "FAILURE"}},
        "url": {"conditions": {"$has_value": [], "$not_contain": ["example"]}},
    }

    def holds(log: Document) -> bool:
        url: str | None = log.get("url")
        met = (log["status"] == "FAILURE", url is not None and "example" not in url)
        return all(met) if junction == "and" else any(met)

    assert await selected(logs, filters) == expected(holds)
