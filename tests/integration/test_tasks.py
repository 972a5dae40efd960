"""Background tasks through the whole stack: from a worker to the API and the page."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest
import pytest_asyncio
from daybook.testing.stack_run import StackRun
from daybook.testing.waiting import eventually

pytestmark = pytest.mark.timeout(240)

CSV = b"code,discount\nA-%s,10\nA-%s,10\nB-%s,free\nC-%s,5\n"
WORKER = """
    import os, time
    from datetime import timedelta
    from celery import Celery
    from daybook import SyncClient
    from daybook.integrations.celery import instrument

    app = Celery("billing", broker="filesystem://", set_as_current=False)
    app.conf.update(
        broker_transport_options={
            "data_folder_in": "queue", "data_folder_out": "queue",
            "control_folder": "control",
        },
        broker_connection_retry_on_startup=True,
        worker_prefetch_multiplier=1,
    )
    instrument(app, SyncClient.from_env(), heartbeat=timedelta(seconds=0.5))

    @app.task(name="invoice.send")
    def send():
        return None

    @app.task(name="invoice.break")
    def broken():
        raise RuntimeError("no such invoice")

    @app.task(name="invoice.flaky", bind=True, max_retries=3)
    def flaky(self):
        if self.request.retries < 2:
            raise self.retry(exc=OSError("busy"), countdown=0)

    @app.task(name="invoice.endless")
    def endless():
        time.sleep(600)
"""


@pytest_asyncio.fixture
async def api(run: StackRun) -> AsyncIterator[httpx.AsyncClient]:
    key = {"authorization": f"Bearer {run.stack['api_key']}"}
    async with httpx.AsyncClient(
        base_url=run.stack["api"], headers=key, timeout=20
    ) as client:
        yield client


async def becomes(
    api: httpx.AsyncClient, task_id: str, *, within: float = 30, **expected: Any
) -> dict[str, Any]:
    """Wait until the task shows these values; the whole of it."""
    found: dict[str, Any] = {}

    async def so() -> bool:
        answer = await api.get(f"/v1/async-actions/{task_id}")
        found.clear()
        found.update(answer.json())
        return all(found.get(name) == value for name, value in expected.items())

    try:
        await eventually(so, within)
    except AssertionError as error:
        raise AssertionError(f"{task_id}: {found}") from error
    return found


async def test_an_import_is_followed_from_its_file_to_its_failed_rows(
    run: StackRun, api: httpx.AsyncClient
) -> None:
    mark = uuid4().hex[:8].encode()
    content = CSV % (mark, mark, mark, mark)
    uploaded = await api.post(
        "/v1/import-files", files={"file": ("vouchers.csv", content, "text/csv")}
    )
    assert uploaded.status_code == 201, uploaded.text
    file_id = uploaded.json()["id"]
    request_id = f"req-{uuid4()}"

    async with httpx.AsyncClient(base_url=run.stack["shop"]) as shop:
        asked = await shop.post(
            "/v1/vouchers/import",
            params={"import_file_id": file_id},
            content=content,
            headers={
                "content-type": "text/csv",
                "x-request-id": request_id,
                "x-app-id": "shop-server",
                "x-app-token": "s3cret",
                "x-user-id": "cust_1",
            },
        )
    assert asked.status_code == 202, asked.text
    task_id = asked.json()["async_action_id"]
    task = await becomes(api, task_id, status="DONE")

    assert (task["progress"], task["total"]) == (100, 4)
    assert (task["done_count"], task["failed_count"]) == (2, 2)
    assert len(task["result"]["failed"]) == 2
    assert (task["request_id"], task["import_file_id"]) == (request_id, file_id)

    # There and back: the log names the task and the file, the file is as it was sent.
    logs = (await api.get("/v1/logs", params={"task_id": task_id})).json()["logs"]
    assert [log["request_id"] for log in logs] == [request_id]
    assert logs[0]["import_file_id"] == file_id
    kept = await api.get(f"/v1/import-files/{file_id}/content")
    assert kept.content == content
    events = await api.get(f"/v1/async-actions/{task_id}/events")
    kinds = [event["type"].split(".")[2] for event in events.json()["task_events"]]
    assert (kinds[0], kinds[-1]) == ("enqueued", "finished")


async def test_the_page_shows_the_task_and_links_to_its_log(
    run: StackRun, api: httpx.AsyncClient
) -> None:
    newest = (await api.get("/v1/async-actions", params={"limit": 1})).json()
    (task,) = newest["async_actions"]

    async with httpx.AsyncClient(follow_redirects=True) as browser:
        await browser.get(run.stack["dashboard"])
        page = await browser.get(f"{run.stack['api']}/tasks/{task['id']}")

    assert page.status_code == 200
    assert task["type"] in page.text
    assert task["request_id"] in page.text


class Worker:
    """A Celery worker of someone else's, publishing to the stack."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._process = subprocess.Popen(  # noqa: S603 - Celery's own command
            self._command("worker", "-c", "2", "-l", "error"),
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "celery", "-A", "billing", *arguments]

    def send(self, name: str) -> str:
        """Call a task from another process; its id."""
        said = subprocess.run(  # noqa: S603 - Celery's own command
            self._command("call", name),
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            check=True,
        )
        return said.stdout.decode().split()[-1]

    def lose(self) -> None:
        """End the worker and all its processes at once, without a word."""
        if self._process.poll() is None:
            worker = psutil.Process(self._process.pid)
            family = [*worker.children(recursive=True), worker]
            for process in family:
                process.send_signal(signal.SIGKILL)
        self._process.wait()


@pytest.fixture
def worker(run: StackRun, tmp_path: Path) -> Iterator[Worker]:
    (tmp_path / "billing.py").write_text(textwrap.dedent(WORKER))
    for folder in ("queue", "control"):
        (tmp_path / folder).mkdir()
    environment = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": run.stack["kafka"],
        "DAYBOOK_SOURCE": "billing",
        "DAYBOOK_PROJECT_ID": run.stack["project_id"],
    }
    started = Worker(tmp_path, environment)
    yield started
    started.lose()


async def test_a_celery_workers_tasks_end_in_the_right_state_also_when_it_is_lost(
    api: httpx.AsyncClient, worker: Worker
) -> None:
    names = ("send", "break", "flaky", "endless")
    ids = {name: worker.send(f"invoice.{name}") for name in names}

    await becomes(api, ids["send"], status="DONE", operation_status="SUCCESS")
    failed = await becomes(api, ids["break"], status="FAILED")
    assert "no such invoice" in failed["result"]["message"]
    await becomes(api, ids["flaky"], status="DONE", run=3)
    running = await becomes(api, ids["endless"], status="IN_PROGRESS")
    assert (running["type"], running["stalled"]) == ("invoice.endless", False)

    worker.lose()

    await becomes(api, ids["endless"], status="IN_PROGRESS", stalled=True)
    stalled = await api.get("/v1/async-actions", params={"stalled": "true"})
    assert ids["endless"] in [one["id"] for one in stalled.json()["async_actions"]]
