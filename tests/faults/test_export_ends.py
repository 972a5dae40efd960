"""An exporter that is killed between any two steps of an export's end."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from daybook.events.topics import TASKS, WEBHOOKS
from daybook.exports.parameters import read_parameters
from daybook.storage.exports import (
    ensure_exports,
    folder_of,
    listed_objects,
    new_export,
    text_part,
)
from daybook.storage.logs import ensure_logs
from daybook.testing.holding import Held, holding
from daybook.testing.published import told
from daybook.testing.stored_logs import stored_log
from daybook.testing.waiting import eventually
from pymongo import AsyncMongoClient
from pymongo.uri_parser import parse_uri

Document = dict[str, Any]
LOGS = 30
TIERS = {"shared": timedelta(days=180)}

# Each is in one message alone, the one that takes the step.
A_PART_IS_LISTED = b"parts.0\0"
DONE = b"ended_by\0"
ANNOUNCED = b"\x10unannounced\0"


@pytest.mark.parametrize(
    ("step", "what"),
    [
        pytest.param(
            A_PART_IS_LISTED,
            "message",
            id="a part is stored, not listed",
            marks=pytest.mark.fault,
        ),
        pytest.param(
            A_PART_IS_LISTED,
            "answer",
            id="the last part is listed",
            marks=pytest.mark.fault,
        ),
        pytest.param(
            DONE, "message", id="all is read, not DONE", marks=pytest.mark.fault
        ),
        pytest.param(DONE, "answer", id="DONE, nobody was told"),
        pytest.param(ANNOUNCED, "message", id="all are told, not marked"),
        pytest.param(
            ANNOUNCED, "answer", id="all are told and marked", marks=pytest.mark.fault
        ),
    ],
)
async def test_whatever_step_a_kill_comes_after_the_export_ends_once(
    step: bytes,
    what: Held,
    kafka_bootstrap: str,
    mongodb_uri: str,
    mongo_client: AsyncMongoClient[Document],
    database_name: str,
    surroundings: dict[str, str],
    random_name: Callable[[str], str],
    spawn: Callable[..., Any],
    tmp_path: Path,
) -> None:
    database = mongo_client[database_name]
    await ensure_logs(database["logs"], TIERS)
    await ensure_exports(database["exports"])
    now = datetime.now(UTC)
    project = random_name("shop")
    await database["logs"].insert_many(
        [
            stored_log(f"l-{n:02d}", now - timedelta(minutes=n + 1), project_id=project)
            for n in range(LOGS)
        ]
    )
    asked = read_parameters(
        {"exported_object": "api_log", "parameters": {"fields": ["id"]}}
    )
    export = new_export(project, "exp_1", asked, "API", None, now, None)
    await database["exports"].insert_one(export)
    environment = {
        **surroundings,
        "DAYBOOK_WATERMARKS_WITHIN": "PT0S",
        "DAYBOOK_EXPORT_LEASE": "PT1S",
    }
    host, port = parse_uri(mongodb_uri)["nodelist"][0]

    async with holding(host, port, step, what) as (address, way):
        near = f"mongodb://{address}/?directConnection=true"
        killed = spawn("exporter", environment | {"MONGODB_URI": near})
        await way.held.wait()
        killed.kill()
        killed.wait()  # it was killed
    spawn("exporter", environment)

    async def over() -> Document | None:
        return await database["exports"].find_one(
            {"_id": export["_id"], "announced": True, "unswept": {"$exists": False}}
        )

    ended = await eventually(over, within=60)
    assert ended is not None
    assert ended["status"] == "DONE"
    objects = tmp_path / "objects"
    parts = [(objects / text_part(ended, one)).read_text() for one in ended["parts"]]
    ids = [f'"l-{n:02d}"' for n in range(LOGS)]
    assert "".join(parts).split() == ["id", *ids]
    there = {
        f"{folder_of(ended)}{one.name}"
        for one in (objects / folder_of(ended)).iterdir()
    }
    assert there == listed_objects(ended)
    # A repeat is the same event again, which is stored and delivered once.
    webhooks = await told(kafka_bootstrap, WEBHOOKS, project)
    assert {one["id"] for one in webhooks} == {"exp_1.done"}
    assert all(one == webhooks[0] for one in webhooks)
    tasks = await told(kafka_bootstrap, TASKS, project)
    finished = [one for one in tasks if one["type"].endswith("task.finished.v1")]
    assert {one["id"] for one in finished} == {"exp_1.finished"}
    assert all(one == finished[0] for one in finished)
