"""One trace, from a request's header to what leaves Daybook at the other end."""

import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from daybook.testing.receivers import Received, Receiver
from daybook.testing.spans import Collector
from daybook.testing.stack_run import StackRun
from daybook.testing.waiting import eventually

pytestmark = pytest.mark.timeout(240)

SHOP = {"x-app-id": "shop-server", "x-app-token": "s3cret"}


def api_of(run: StackRun) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=run.stack["api"],
        headers={"authorization": f"Bearer {run.stack['api_key']}"},
        timeout=20,
    )


@dataclass
class Journey:
    """What one trace went through: two tasks, one of them an export, each told of."""

    traceparent: str
    task_id: str
    export_id: str
    received: list[Received]

    @property
    def trace_id(self) -> str:
        return self.traceparent[3:35]


async def journey(run: StackRun) -> Journey:
    """Ask the shop and the API in one trace, until both webhooks have come."""
    traceparent = f"00-{uuid4().hex}-{uuid4().hex[:16]}-01"
    headers = {"traceparent": traceparent}
    async with Receiver() as receiver, api_of(run) as api:
        types = ["import.finished", "export.done"]
        endpoint = await api.post(
            "/v1/webhook-endpoints",
            json={"url": receiver.url(), "event_types": types},
        )
        assert endpoint.status_code == 201, endpoint.text

        task_id = await import_into_the_shop(run, headers)
        body = {"exported_object": "api_log"}
        made = await api.post("/v1/exports", json=body, headers=headers)
        export_id = made.json()["id"]

        def ours() -> list[Received]:
            ids = [task_id.encode(), export_id.encode()]
            found = [[one for one in receiver.requests if id in one.body] for id in ids]
            return [some[0] for some in found] if all(found) else []

        await eventually(ours, within=60)
        await api.delete(f"/v1/webhook-endpoints/{endpoint.json()['id']}")
        return Journey(traceparent, task_id, export_id, ours())


async def test_a_requests_trace_is_followed_through_task_export_and_delivery(
    run: StackRun,
) -> None:
    made = await journey(run)

    told = {request.header("traceparent") for request in made.received}
    assert told == {made.traceparent}
    async with api_of(run) as api:
        for id in (made.task_id, made.export_id):
            assert await traces_of_task(api, id) == {made.traceparent}

        async def its_log_has_it() -> bool:
            log = await api.get("/v1/logs", params={"task_id": made.task_id})
            found = [one["traceparent"] for one in log.json()["logs"]]
            return found == [made.traceparent]

        await eventually(its_log_has_it, within=30)


async def test_a_collector_sees_the_trace_go_through_every_service(
    tmp_path: Path,
) -> None:
    with Collector() as collector:
        async with traced_stack(tmp_path, collector) as stack:
            made = await journey(stack)
            await is_folded(stack, made)
            # What is sent late is sent at the stop at the latest.
            stack.signal(signal.SIGTERM)
            assert await stack.ended(within=60) == 0

    spans = [
        span
        for span in collector.seen
        if made.trace_id == span.trace_id or made.trace_id in span.linked
    ]
    services = ("query", "exporter", "webhook-dispatcher", "ingest", "task-tracker")
    assert {span.service for span in spans} == {f"daybook-{one}" for one in services}
    (asked,) = [span for span in spans if span.service == "daybook-query"]
    assert asked.name == "POST /v1/exports"
    assert asked.parent_id == made.traceparent[36:52]
    (ran,) = [span for span in spans if span.name == "run export"]
    assert ran.parent_id == asked.span_id
    # Each receiver can go on under the very attempt that reached it.
    attempts = {span.span_id for span in spans if span.name == "deliver webhook"}
    reached = {request.header("traceparent") for request in made.received}
    assert {one[3:35] for one in reached} == {made.trace_id}
    assert {one[36:52] for one in reached} <= attempts


@asynccontextmanager
async def traced_stack(folder: Path, collector: Collector) -> AsyncGenerator[StackRun]:
    """A stack of its own, whose services make spans, and send the last of them late."""
    stack = StackRun(
        [sys.executable, "-m", "daybook_local"],
        folder,
        {
            "DAYBOOK_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "600000",
        },
    )
    stack.start()
    try:
        await stack.up(within=120)
        yield stack
    finally:
        stack.end()


async def is_folded(run: StackRun, made: Journey) -> None:
    """Wait until the task-tracker knows of the end of both tasks."""
    async with api_of(run) as api:
        for id in (made.task_id, made.export_id):

            async def is_done(path: str = f"/v1/async-actions/{id}") -> bool:
                return (await api.get(path)).json().get("status") == "DONE"

            await eventually(is_done, within=30)
            await traces_of_task(api, id)


async def import_into_the_shop(run: StackRun, headers: dict[str, str]) -> str:
    """Ask the shop for a background task; its id."""
    async with httpx.AsyncClient(base_url=run.stack["shop"]) as shop:
        answer = await shop.post(
            "/v1/vouchers/import",
            content=f"code,discount\nT-{uuid4().hex[:10]},5\n".encode(),
            headers=SHOP | headers,
        )
    assert answer.status_code == 202, answer.text
    return answer.json()["async_action_id"]


async def traces_of_task(api: httpx.AsyncClient, task_id: str) -> set[str | None]:
    """What the task's history says, once it has ended."""
    events: list[dict[str, Any]] = []

    async def has_ended() -> bool:
        answer = await api.get(f"/v1/async-actions/{task_id}/events")
        events[:] = answer.json().get("task_events", [])
        return any("finished" in one["type"] for one in events)

    await eventually(has_ended, within=30)
    return {one["traceparent"] for one in events}
