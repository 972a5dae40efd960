"""Exports at size, while more logs arrive and exporters are killed and frozen."""

import asyncio
import csv
import json
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from daybook.events.topics import TASKS, WEBHOOKS
from daybook.exports.parameters import read_parameters
from daybook.storage.exports import (
    ensure_exports,
    folder_of,
    listed_objects,
    new_export,
    text_part,
)
from daybook.storage.logs import INDEXES
from daybook.testing.published import told
from daybook.testing.records import request_event
from daybook.testing.stored_logs import stored_log
from daybook.testing.waiting import eventually
from pymongo import AsyncMongoClient

Document = dict[str, Any]
FIELDS = ["id", "created_at", "url", "request_body"]
SPREAD = timedelta(days=3)
MOST_RESIDENT_MB = 300


async def store_logs(
    logs: Any, project: str, count: int, newest: datetime, padding: int
) -> None:
    """So many, three of which share each moment."""
    for start in range(0, count, 5_000):
        await logs.insert_many(
            [
                stored_log(
                    f"old-{n:07d}",
                    newest - SPREAD + SPREAD * (n // 3 / count),
                    project_id=project,
                    request={"body": f'{n} "said"\r\n' + "x" * padding},
                )
                for n in range(start, min(start + 5_000, count))
            ],
            ordered=False,
        )
    await logs.create_indexes(list(INDEXES))


class Arriving:
    """Requests that are published on and on, dated back among those that are there."""

    def __init__(
        self, bootstrap: str, topic: str, project: str, newest: datetime
    ) -> None:
        self._bootstrap, self._topic, self._newest = bootstrap, topic, newest
        self._project = project
        self.enough = False
        self.published = 0
        self.latest_ms = 0

    async def publish(self, count: int) -> None:
        producer: Any = AIOKafkaProducer(bootstrap_servers=self._bootstrap)
        async with producer:
            for _ in range(count):
                n = self.published
                at = self._newest - SPREAD * ((n * 37 % 1000) / 1000)
                event = request_event(
                    id=f"new-{n}", time=at.isoformat(), projectid=self._project
                )
                sent = await producer.send_and_wait(
                    self._topic, json.dumps(event).encode(), key=str(n).encode()
                )
                self.published += 1
                self.latest_ms = max(self.latest_ms, sent.timestamp)

    async def publish_on(self) -> None:
        """Until there is ``enough``; cancelled, it would leave a producer open."""
        while not self.enough:
            await self.publish(50)


def peak_resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def rows_of(folder: Path, export: Document) -> list[list[str]]:
    """The file as a client reads it, without its header."""
    whole = folder / "whole.csv"
    with whole.open("wb") as written:
        for part in export["parts"]:
            written.write((folder / text_part(export, part)).read_bytes())
    with whole.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == FIELDS
    return rows


async def wanted_rows(logs: Any, before: datetime) -> list[list[str]]:
    """What an export made then has to hold: read in no order, sorted here."""
    found: list[tuple[datetime, str, list[str]]] = []
    async for log in logs.find({}, {"refs": 0}):
        at = log["created_at"].replace(tzinfo=UTC)
        if log["received_at"].replace(tzinfo=UTC) < before:
            said = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            row = [log["id"], said, log["url"], log["request"]["body"]]
            found.append((at, log["_id"], row))
    found.sort(key=lambda one: one[:2], reverse=True)
    return [row for _, _, row in found]


@pytest.mark.parametrize(
    ("count", "padding", "takeovers"),
    [
        pytest.param(20_000, 4_000, 1, id="short"),
        pytest.param(
            1_000_000,
            300,
            3,
            id="long",
            marks=[pytest.mark.fault, pytest.mark.timeout(1_500)],
        ),
    ],
)
async def test_kills_and_freezes_change_no_row_of_a_file_while_more_logs_arrive(
    count: int,
    padding: int,
    takeovers: int,
    kafka_bootstrap: str,
    mongo_client: AsyncMongoClient[Document],
    database_name: str,
    surroundings: dict[str, str],
    make_topic: Callable[..., Awaitable[str]],
    random_name: Callable[[str], str],
    spawn: Callable[..., Any],
    tmp_path: Path,
) -> None:
    topic = await make_topic("requests", partitions=3)
    project = random_name("demo")
    folder = tmp_path / "objects"
    environment = {
        **surroundings,
        "DAYBOOK_REQUESTS_TOPIC": topic,
        "DAYBOOK_EXPORT_LEASE": "PT3S",
    }
    database = mongo_client[database_name]
    newest = datetime.now(UTC)
    await store_logs(database["logs"], project, count, newest, padding)
    await ensure_exports(database["exports"])
    arriving = Arriving(kafka_bootstrap, topic, project, newest)
    spawn("ingest", environment)
    await arriving.publish(100)  # before the export: it waits until they are stored
    asked = new_export(
        project,
        "exp_1",
        read_parameters(
            {"exported_object": "api_log", "parameters": {"fields": FIELDS}}
        ),
        "API",
        None,
        datetime.fromtimestamp((arriving.latest_ms + 1) / 1000, UTC),
        None,
    )
    more = asyncio.create_task(arriving.publish_on())
    peaks: list[float] = []

    async def export(**wanted: Any) -> Document:
        async def found() -> Document | None:
            return await database["exports"].find_one({"_id": asked["_id"], **wanted})

        one = await eventually(found, within=600)
        assert one is not None
        return one

    async def at_least(share: float, claim: int) -> None:
        await export(rows={"$gte": share * count}, claim={"$gte": claim})

    def kill(process: Any) -> None:
        peaks.append(peak_resident_mb(process.pid))
        process.kill()
        process.wait()

    first = spawn("exporter", environment)
    await database["exports"].insert_one(asked)
    await at_least(0.3, 1)
    kill(first)
    frozen = spawn("exporter", environment)
    await at_least(0.5, 2)
    frozen.send_signal(signal.SIGSTOP)  # past its lease: the next one takes over
    third = spawn("exporter", environment)
    await at_least(0.7, takeovers)
    kill(third)
    last = spawn("exporter", environment)
    await at_least(0.7, takeovers)
    frozen.send_signal(signal.SIGCONT)
    done = await export(status="DONE", announced=True)
    arriving.enough = True
    await more

    # A short one may be done before the later faults strike; a long one never is.
    assert done["claim"] >= 1 + takeovers
    assert "complete_until" not in done
    rows = rows_of(folder, done)
    wanted = await wanted_rows(database["logs"], asked["created_at"])
    assert len(rows) == len(wanted) == done["rows"]
    different = next((n for n, row in enumerate(rows) if row != wanted[n]), None)
    assert different is None, (rows[different], wanted[different])
    arrived = {row[0] for row in rows if row[0].startswith("new-")}
    assert {f"new-{n}" for n in range(100)} <= arrived
    assert arriving.published > len(arrived)
    webhooks = await told(kafka_bootstrap, WEBHOOKS, project)
    assert [one["id"] for one in webhooks] == ["exp_1.done"]
    tasks = await told(kafka_bootstrap, TASKS, project)
    finished = [one for one in tasks if one["type"].endswith("task.finished.v1")]
    assert [one["id"] for one in finished] == ["exp_1.finished"]
    assert frozen.poll() is None, "the woken process goes on"
    listed = listed_objects(done)

    def only_what_is_listed() -> bool:
        there = (folder / folder_of(done)).iterdir()
        assert {f"{folder_of(done)}{one.name}" for one in there} == listed
        return True

    # Nor does anything stay of parts that were under way at a kill.
    await eventually(only_what_is_listed, within=30)
    peaks += [peak_resident_mb(one.pid) for one in (frozen, last)]
    assert max(peaks) < MOST_RESIDENT_MB, peaks
