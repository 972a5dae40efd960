"""The API is told to stop under load: who asked is answered, and nobody is cut off."""

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio
from daybook.exports.parameters import read_parameters
from daybook.storage.exports import ensure_exports, new_export, text_part
from daybook.storage.logs import ensure_logs
from daybook.storage.tasks import ensure_tasks
from daybook.testing.stored_logs import stored_log
from daybook.testing.stored_tasks import stored_task
from daybook.testing.waiting import eventually
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from query.control_plane import ControlPlane
from query.keys import make_key, system_randomness

Document = dict[str, Any]
# What the manifests give a pod, without the pause before it is told.
GRACE_S = 25.0
LOGS, CLIENTS = 100, 12
ASKS = {"exported_object": "api_log"}
# More than sockets hold, so that most of it is still to be sent.
FILE = b'"0123456789abcdef"\r\n' * 1_600_000


@pytest_asyncio.fixture
async def database(
    mongo_client: AsyncMongoClient[Document], database_name: str, tmp_path: Path
) -> AsyncDatabase[Document]:
    """Some logs, a task that goes on, and an export that is done."""
    made, now = mongo_client[database_name], datetime.now(UTC)
    await ensure_logs(made["logs"], {"shared": timedelta(days=180)})
    await made["logs"].insert_many(
        [stored_log(f"l-{n}", now - timedelta(seconds=n + 1)) for n in range(LOGS)]
    )
    await ensure_tasks(made["tasks"], made["task_failed_rows"])
    await made["tasks"].insert_one(stored_task("a", now, status="IN_PROGRESS"))
    await ensure_exports(made["exports"])
    export = new_export("shop", "exp_1", read_parameters(ASKS), "API", None, now, None)
    part = {"number": 0, "claim": 1, "rows": 1, "bytes": len(FILE), "columns_bytes": 0}
    file = tmp_path / "objects" / text_part(export, part)
    file.parent.mkdir(parents=True)
    file.write_bytes(FILE)
    del export["waiting"]
    done = {"status": "DONE", "parts": [part], "rows": 1, "bytes": len(FILE)}
    times = {"finished_at": now, "expires_at": now + timedelta(days=90)}
    await made["exports"].insert_one({**export, **done, **times})
    return made


@dataclass
class Load:
    """Clients that ask one request after the other until nobody is there.

    Of ``failed`` is whatever is neither a whole answer nor a refused connection.
    """

    make: Callable[[], httpx.AsyncClient]
    answered: int = 0
    failed: list[Any] = field(default_factory=list[Any])

    async def run(self) -> None:
        async with asyncio.TaskGroup() as clients:
            for _ in range(CLIENTS):
                clients.create_task(self._ask())

    async def _ask(self) -> None:
        async with self.make() as client:
            while True:
                try:
                    answer = await client.get("/v1/logs", params={"limit": LOGS})
                except httpx.ConnectError:
                    return
                except httpx.HTTPError as error:
                    self.failed.append(error)
                    return
                if answer.status_code == 200 and len(answer.json()["logs"]) == LOGS:
                    self.answered += 1
                else:
                    self.failed.append(answer.text)


async def test_an_api_that_leaves_answers_all_that_it_was_asked(
    database: AsyncDatabase[Document],
    surroundings: dict[str, str],
    spawn: Callable[..., Any],
) -> None:
    key, secret = make_key(
        "shop", "tests", now=datetime.now(UTC), randomness=system_randomness
    )
    await ControlPlane(database).add_key(key)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def client() -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers={"authorization": f"Bearer {secret}"},
            timeout=GRACE_S,
        )

    process = spawn(
        "query",
        {
            **surroundings,
            "DAYBOOK_PORT": str(port),
            "DAYBOOK_SESSION_SECRET": "a secret of enough letters",
        },
    )
    load, rest = Load(client), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        """What is asked for, of which the end comes when nobody is let in any more."""
        yield b'{"exported_object": '
        await rest.wait()
        yield b'"api_log", "response_format": "CSV"}'

    async with client() as http, client() as other:

        async def is_ready() -> bool:
            try:
                return (await http.get("/readyz")).status_code == 200
            except httpx.ConnectError:
                return False

        await eventually(is_ready, within=60)
        link = (await http.get("/v1/exports/exp_1")).json()["result"]["url"]
        async with (
            http.stream("GET", "/v1/async-actions/a/stream") as watched,
            http.stream("GET", link) as downloaded,
        ):
            lines, chunks = watched.aiter_lines(), downloaded.aiter_bytes()
            told, got = [await anext(lines)], [await anext(chunks)]
            asking = asyncio.create_task(
                other.post(
                    "/v1/exports",
                    content=slowly(),
                    headers={"content-type": "application/json"},
                )
            )
            loading = asyncio.create_task(load.run())
            await eventually(lambda: load.answered > 20 * CLIENTS, within=60)
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            await loading
            rest.set()
            told += [line async for line in lines]
            got += [chunk async for chunk in chunks]
            asked = await asking
        left = await asyncio.to_thread(process.wait, GRACE_S)
        took = time.monotonic() - began

    assert load.failed == []
    assert told[0] == "event: task"
    assert "event: end" not in told
    assert b"".join(got) == FILE
    assert (asked.status_code, asked.json()["status"]) == (200, "SCHEDULED")
    assert left == 0
    assert took < GRACE_S
