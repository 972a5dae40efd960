"""One export from its claim to DONE: what its files hold, whoever goes on with it."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import pytest_asyncio
from daybook.exports.parameters import read_parameters
from daybook.runtime.clock import monotonic
from daybook.runtime.objects import Objects
from daybook.storage.exports import columns_part, new_export, text_part
from daybook.storage.logs import ensure_logs
from daybook.storage.tasks import ensure_tasks
from daybook.testing.stored_logs import stored_log
from daybook.testing.waiting import eventually
from exporter.jobs import Jobs, Limits
from exporter.run import Exports
from exporter.storing import Storage
from exporter.tools import Tools
from exporter.waiting import Watermarks
from pymongo.asynchronous.database import AsyncDatabase

Document = dict[str, Any]
Database = AsyncDatabase[Document]

# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
ODD_BODIES = (
    '{"a": [1.00, {"b": "x, \\"y\\""}], "a": 123456789012345678901234567890}',
    "=SUM(A1:A9)",
    "+1",
    "-1",
    "@x",
    "\tTab",
    "\rReturn",
    "two\r\nlines\nof text",
    'a "quoted" word, and a comma',
    "😀 ئۇيغۇرچە",
    "",
    None,
    "'=already",
)


class Told:
    """Notices that are kept."""

    def __init__(self) -> None:
        self.started_ids: list[str] = []
        self.rows: list[int] = []

    def started(self, export: Document) -> None:
        self.started_ids.append(export["id"])

    def progressed(self, export: Document, rows: int, expected: int | None) -> None:
        self.rows.append(rows)

    def over(self, export: Document) -> None: ...


Make = Callable[..., Exports]


@pytest_asyncio.fixture
async def make_exports(database: Database, tmp_path: Path) -> AsyncIterator[Make]:
    """Exporters over one database and one folder; parts of few rows."""
    await ensure_logs(database["logs"], {"shared": timedelta(days=180)})
    await ensure_tasks(database["tasks"], database["task_failed_rows"])
    made: list[Exports] = []

    async def partitions() -> list[int]:
        return []

    def make(owner: str, *, part_rows: int = 1, lease_s: float = 5.0) -> Exports:
        random = Random(1)
        jobs = Jobs(
            database["exports"],
            database["export_slots"],
            owner,
            timedelta(seconds=lease_s),
            Limits(at_once=4, of_a_project=2),
        )
        watermarks = Watermarks(
            database["watermarks"],
            "daybook.requests.v1",
            partitions,
            monotonic,
            longest=timedelta(0),
        )
        storage = Storage(
            Objects(str(tmp_path / "objects")), timedelta(seconds=5), random, monotonic
        )
        tools = Tools(
            database=database,
            storage=storage,
            watermarks=watermarks,
            notices=Told(),
            random=random,
            count_within=timedelta(seconds=1),
            part_bytes=16 * 1024 * 1024,
            part_rows=part_rows,
        )
        exports = Exports(
            jobs,
            tools,
            at_once=2,
            renew_every=timedelta(seconds=lease_s / 3),
            ended=lambda _status: None,
            poll_every=timedelta(milliseconds=50),
        )
        made.append(exports)
        return exports

    yield make
    for exports in made:
        await exports.stop()


async def ask(database: Database, name: str = "api_log", **parameters: Any) -> Document:
    """Store an export that is to be run; the format is among ``parameters``."""
    form = parameters.pop("response_format", "CSV")
    read = read_parameters(
        {"exported_object": name, "response_format": form, "parameters": parameters}
    )
    number = await database["exports"].count_documents({})
    export = new_export("shop", f"exp_{number}", read, "API", None, NOW, None)
    await database["exports"].insert_one(export)
    return export


async def finished(database: Database, export: Document) -> Document:
    """The export once it has ended."""

    ended = {"_id": export["_id"], "status": {"$in": ["DONE", "ERROR"]}}

    async def has_ended() -> bool:
        return await database["exports"].find_one(ended) is not None

    await eventually(has_ended, within=30)
    found = await database["exports"].find_one(ended)
    assert found is not None
    return found


async def done(database: Database, exports: Exports, export: Document) -> Document:
    running = asyncio.create_task(exports.run())
    found = await finished(database, export)
    await exports.stop()
    await running
    return found


def content(folder: Path, export: Document) -> bytes:
    """What a download gives of a text format."""
    return b"".join(
        (folder / "objects" / text_part(export, part)).read_bytes()
        for part in export["parts"]
    )


def harmless(text: str) -> str:
    """As a spreadsheet may have it."""
    return f"'{text}" if text[:1] in tuple("=+-@\t\r") else text


def table(folder: Path, export: Document) -> list[Document]:
    """The rows of the columnar parts."""
    read = [
        pq.read_table(folder / "objects" / columns_part(export, part))
        for part in export["parts"]
    ]
    return pa.concat_tables(read).to_pylist()


async def store_odd_logs(database: Database) -> None:
    await database["logs"].insert_many(
        [
            stored_log(
                f"log-{number:02d}",
                NOW - timedelta(minutes=number),
                request={"body": body},
                user={"id": "u", "email": f"u{number}@shop.example"},
            )
            for number, body in enumerate(ODD_BODIES, start=1)
        ]
    )


async def test_all_formats_of_an_export_hold_the_same_values(
    database: Database, make_exports: Make, tmp_path: Path
) -> None:
    await store_odd_logs(database)
    fields = ["id", "created_at", "request_body", "response_body", "request_duration"]
    exports = make_exports("one", part_rows=4)
    running = asyncio.create_task(exports.run())

    asked = {
        form: await ask(database, fields=fields, response_format=form)
        for form in ("CSV", "NDJSON", "PARQUET")
    }
    ended = {form: await finished(database, one) for form, one in asked.items()}

    await exports.stop()
    await running
    assert {one["status"] for one in ended.values()} == {"DONE"}
    text = content(tmp_path, ended["CSV"]).decode()
    header, *cells = csv.reader(io.StringIO(text, newline=""))
    lines = content(tmp_path, ended["NDJSON"]).decode().removesuffix("\n").split("\n")
    objects = [json.loads(line) for line in lines]
    file = tmp_path / "objects" / ended["PARQUET"]["file"]["name"]
    columns = pq.read_table(file).to_pylist()
    assert header == fields
    assert [one["request_body"] for one in objects] == list(ODD_BODIES)
    assert [one["request_body"] for one in columns] == list(ODD_BODIES)
    assert [row[2] for row in cells] == [harmless(body or "") for body in ODD_BODIES]
    assert [row[0] for row in cells] == [one["id"] for one in objects]
    assert [row[1] for row in cells] == [one["created_at"] for one in objects]
    assert objects[0]["created_at"] == "2026-11-24T02:59:00.000Z"
    assert columns[0]["created_at"] == NOW - timedelta(minutes=1)
    # None is empty, and an empty text is not.
    rows = text.split("\r\n")
    assert any('Z","",,' in row for row in rows)
    assert any('Z",,,' in row for row in rows)


async def test_what_was_received_later_is_left_out_and_all_else_is_there_once(
    database: Database, make_exports: Make, tmp_path: Path
) -> None:
    await store_odd_logs(database)
    late = stored_log("late", NOW - timedelta(days=1), received_at=NOW)
    await database["logs"].insert_one(late)
    export = await ask(database, fields=["id"], order="created_at")

    ended = await done(database, make_exports("one", part_rows=2), export)

    count = len(ODD_BODIES)
    assert [row["id"] for row in table(tmp_path, ended)] == [
        f"log-{number:02d}" for number in range(count, 0, -1)
    ]
    assert ended["rows"] == count
    assert ended["bytes"] == len(content(tmp_path, ended))
    assert ended["unannounced"] is True
    assert ended["expires_at"] - ended["finished_at"] == timedelta(days=90)


async def test_an_export_without_rows_is_a_file_with_a_header(
    database: Database, make_exports: Make, tmp_path: Path
) -> None:
    export = await ask(database, fields=["id", "status"])

    ended = await done(database, make_exports("one"), export)

    assert content(tmp_path, ended) == b"id,status\r\n"
    assert table(tmp_path, ended) == []


@pytest.mark.parametrize("name", ["api_log", "async_action"])
async def test_who_takes_over_makes_the_same_file(
    name: str, database: Database, make_exports: Make, tmp_path: Path
) -> None:
    begun = NOW - timedelta(days=2)
    moments = [begun + timedelta(seconds=number // 7) for number in range(25_000)]
    await database["logs"].insert_many(
        [stored_log(f"l-{n:05d}", moment) for n, moment in enumerate(moments)]
    )
    await database["tasks"].insert_many(
        [
            {
                "_id": f"shop/t-{n:05d}",
                "project_id": "shop",
                "id": f"t-{n:05d}",
                "created_at": moment,
                "updated_at": moment,
                "status": "DONE",
            }
            for n, moment in enumerate(moments)
        ]
    )
    undisturbed = await done(
        database, make_exports("calm"), await ask(database, name, fields=["id"])
    )
    export = await ask(database, name, fields=["id"])
    first = make_exports("first", lease_s=0.5)
    running = asyncio.create_task(first.run())

    async def has_a_part() -> bool:
        found = await database["exports"].find_one({"_id": export["_id"]})
        return bool(found and found["parts"])

    await eventually(has_a_part, within=30)
    await first.stop()
    await running
    ended = await done(database, make_exports("second", lease_s=0.5), export)

    assert content(tmp_path, ended) == content(tmp_path, undisturbed)
    assert ended["rows"] == len(moments)
    assert len({one["number"] for one in ended["parts"]}) == len(ended["parts"])
