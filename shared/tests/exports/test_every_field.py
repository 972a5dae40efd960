"""Every field of every exported object by every operator, beside plain Python."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import ge, gt, le, lt
from typing import Any, Final, cast

import pytest
from daybook.exports.conditions import Selection, select
from daybook.exports.filters import OPERATORS
from daybook.exports.objects import OBJECTS, ExportedObjectName
from daybook.exports.parameters import read_parameters
from daybook.storage.collections import LOGS, SENDOUTS, TASKS
from daybook.storage.logs import ensure_logs
from daybook.storage.sendouts import ensure_sendouts
from daybook.storage.tasks import ensure_tasks
from daybook.testing.stored_logs import stored_log
from daybook.testing.stored_sendouts import stored_attempt, stored_sendout
from daybook.testing.stored_tasks import stored_task
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

Document = dict[str, Any]
Database = AsyncDatabase[Document]
Value = Callable[[Document], Any]

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
AS_OF = NOW + timedelta(days=1)
TIERS = {"shared": timedelta(days=180)}
NEGATIVE: Final = {
    "$is_not": "$is",
    "$not_in": "$in",
    "$not_contain": "$contains",
    "$is_unknown": "$has_value",
}
COMPARED: Final = {
    "$more_than": gt,
    "$after": gt,
    "$less_than": lt,
    "$before": lt,
    "$more_than_equal": ge,
    "$less_than_equal": le,
}
# Odd ones: absent, empty, of other scripts, what regular expressions would take up.
TEXTS: Final = (None, "", "a", "A.b", "a.*", "ä(", "^$\n", "a\n", "\\", "x" * 300)
NUMBERS: Final = (None, 0, 1, 2.5, 404, 2**53 + 1, 2**62)
INTEGERS: Final = (None, 0, 1, 7, 404, 2**53 + 1, 2**62)


def at(number: int) -> datetime:
    return NOW - timedelta(minutes=number)


def nth(values: tuple[Any, ...], number: int) -> Any:
    return values[number % len(values)]


def logs() -> Iterator[Document]:
    for n in range(70):
        text = nth(TEXTS, n)
        user = {"id": nth(TEXTS, n), "email": nth((None, "", "Ann@x", "a"), n // 3)}
        key = {"id": text, "name": "a", "kind": nth(("server", "client", None), n)}
        yield stored_log(
            f"l{n}",
            at(n),
            channel=text,
            endpoint=text,
            url=nth(TEXTS, n // 2),
            request_id=text or "r",
            duration_ms=nth(NUMBERS, n),
            status_code=nth((None, 200, 204, 404, 503), n),
            user=nth((user, None, {}), n // 2),
            api_key=nth((key, None, {}), n // 2),
            request=nth(({"body": text}, None, {}), n),
            response=nth(({"body": text}, None), n),
            resource=nth(({"type": text, "id": "a"}, None, {}), n),
            task_id=text or None,
            import_file_id=nth((None, "a"), n),
        )


def tasks() -> Iterator[Document]:
    for n in range(70):
        text = nth(TEXTS, n)
        status = nth(("ENQUEUED", "IN_PROGRESS", "DONE", "FAILED"), n)
        task = stored_task(
            f"t{n}",
            at(n),
            status=status,
            task_type=text,
            request_id=text or None,
            user=nth(({"id": text or "u", "email": "Ann@x"}, None), n),
            progress=n % 101,
            processing_time=nth(INTEGERS, n),
            done_count=nth(INTEGERS, n),
            failed_count=nth(INTEGERS, n // 2),
            message=text,
            stalled=nth((True, False), n),
            import_file_id=nth((None, "a"), n),
        )
        if n % 3 == 0:
            del task["stalled"]
        yield task


def sendouts() -> Iterator[Document]:
    for n in range(70):
        text = nth(TEXTS, n)
        attempts = [
            stored_attempt(
                number + 1,
                at(n),
                duration_ms=nth(NUMBERS, n + number),
                status_code=nth((None, 200, 404), n + number),
                error=nth((None, {"kind": "timeout"}), n + number),
                response_body=nth(({"text": text}, None, {}), n),
            )
            for number in range(n % 4)
        ]
        yield stored_sendout(
            f"s{n}",
            at(n),
            *attempts,
            status=nth(("SCHEDULED", "SENT", "RETRYING", "FAILED", "HELD"), n),
            event_type=text or "voucher.created",
            event_id=text or "e",
            group_id=text or None,
            entity_id=nth((None, "a"), n),
            last_error=nth((None, {"kind": "timeout"}), n),
        )


def attempts() -> Iterator[Document]:
    for sendout in sendouts():
        for attempt in sendout["history"]:
            yield {**sendout, "history": attempt}


def plain(path: str) -> Value:
    def value(document: Document) -> Any:
        found: Any = document
        for name in path.split("."):
            found = (
                cast("Document", found).get(name) if isinstance(found, dict) else None
            )
        return found

    return value


def key_of(kind: str) -> Value:
    def value(document: Document) -> Any:
        key: Document = document.get("api_key") or {}
        return key.get("id") if key.get("kind") == kind else None

    return value


def last_code(document: Document) -> Any:
    history: list[Document] = document["history"]
    return history[-1].get("status_code") if history else None


@dataclass(frozen=True)
class Shown:
    """How an object is read: its documents as rows, and fields named otherwise."""

    rows: Callable[[], Iterator[Document]]
    fields: Mapping[str, Value]


SHOWN: Final[dict[ExportedObjectName, Shown]] = {
    "api_log": Shown(
        logs,
        {
            "user_email": plain("user.email"),
            "user_id": plain("user.id"),
            "app_id": key_of("server"),
            "client_app_id": key_of("client"),
            "request_duration": plain("duration_ms"),
            "request_body": plain("request.body"),
            "response_body": plain("response.body"),
            "resource_type": plain("resource.type"),
            "resource_id": plain("resource.id"),
        },
    ),
    "async_action": Shown(
        tasks, {"type": plain("task_type"), "user_email": plain("user.email")}
    ),
    "webhook_sendout": Shown(
        sendouts, {"data": plain("payload"), "status_code": last_code}
    ),
    "webhook_attempt": Shown(
        attempts,
        {
            "sendout_id": plain("id"),
            "response_body": plain("history.response_body.text"),
            **{
                name: plain(f"history.{name}")
                for name in (
                    *("attempt", "trigger", "started_at", "duration_ms"),
                    *("status_code", "error"),
                )
            },
        },
    ),
}
# Two paths at once: they have tests of their own.
APART: Final = frozenset({"user", "api_key"})
FIELDS: Final = [
    (name, field)
    for name, exported in OBJECTS.items()
    for field in exported.table
    if field not in APART
]


async def stored(database: Database) -> None:
    await ensure_logs(database[LOGS], TIERS)
    await ensure_tasks(database[TASKS], database["task_failed_rows"])
    await ensure_sendouts(database[SENDOUTS], TIERS)
    await database[LOGS].insert_many([*logs()])
    await database[TASKS].insert_many([*tasks()])
    await database[SENDOUTS].insert_many([*sendouts()])


async def read(
    database: Database, collection: str, selection: Selection, name: str
) -> list[str]:
    """What a reader gets, references walked and attempts unwound, named and sorted."""
    found: dict[str, Document] = {}
    walks: list[Document] = [selection.match]
    if selection.refs is not None:
        walks = [{"refs": one, "$and": [selection.match]} for one in selection.refs]
    for walk in walks:
        stages: list[Document] = [{"$match": walk}]
        if name == "webhook_attempt":
            stages += [{"$unwind": "$history"}, {"$match": selection.attempts}]
        rows = await database[collection].aggregate(stages, hint=selection.index)
        found |= {named(row, name): row async for row in rows}
    return sorted(found)


def named(row: Document, name: str) -> str:
    return (
        f"{row['id']}/{row['history']['attempt']}" if "attempt" in name else row["id"]
    )


def holds(field_type: str, value: Any, operator: str, asked: Any) -> bool:
    if operator in NEGATIVE:
        return not holds(field_type, value, NEGATIVE[operator], asked)
    if operator == "$has_value":
        return value is not None
    if field_type == "boolean":
        return bool(value) is asked
    if field_type == "time":
        asked = datetime.fromisoformat(asked)
    if operator in COMPARED:
        return value is not None and COMPARED[operator](value, asked)
    texts: dict[str, Callable[[], bool]] = {
        "$is": lambda: value is not None and value == asked,
        "$in": lambda: value is not None and value == asked,
        "$contains": lambda: value is not None and asked in value,
        "$starts_with": lambda: value is not None and value.startswith(asked),
        "$ends_with": lambda: value is not None and value.endswith(asked),
    }
    return texts[operator]()


def asked_of(name: ExportedObjectName, field: str, operator: str) -> tuple[Any, ...]:
    spec = OBJECTS[name].table[field]
    if operator in ("$has_value", "$is_unknown"):
        return ("",)
    match spec.type:
        case "text":
            if spec.choices and operator in ("$is", "$is_not", "$in", "$not_in"):
                return spec.choices
            return tuple(one for one in TEXTS if one is not None)
        case "time":
            half = at(20) + timedelta(microseconds=500)
            return (at(20).isoformat(), half.isoformat())
        case "boolean":
            return (True, False)
        case "integer":
            numbers = (one for one in INTEGERS if one is not None)
            coded = spec.codes and operator in ("$is", "$is_not", "$in", "$not_in")
            return (200, 404) if coded else tuple(numbers)
        case _:
            return tuple(one for one in NUMBERS if one is not None)


@pytest.mark.parametrize(("name", "field"), FIELDS)
async def test_a_filter_finds_what_plain_python_finds(
    name: ExportedObjectName,
    field: str,
    mongo_client: AsyncMongoClient[Document],
    database_name: str,
) -> None:
    database = mongo_client[database_name]
    await stored(database)
    exported = OBJECTS[name]
    kind = exported.table[field].type
    value = SHOWN[name].fields.get(field, plain(field))

    for operator in OPERATORS[kind]:
        for asked in asked_of(name, field, operator):
            for junction in ("and", "or"):
                filters = {
                    field: {"conditions": {operator: [asked]}},
                    "junction": junction,
                }
                body = {"exported_object": name, "parameters": {"filters": filters}}
                selection = select(read_parameters(body), "shop", AS_OF)

                found = await read(database, exported.collection, selection, name)

                expected = (
                    named(row, name)
                    for row in SHOWN[name].rows()
                    if holds(kind, value(row), operator, asked)
                )
                assert found == sorted(expected), (operator, asked, junction)
