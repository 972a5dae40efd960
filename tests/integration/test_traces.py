"""One trace, from a request's header to what leaves Daybook at the other end."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from daybook.testing.receivers import Receiver
from daybook.testing.stack_run import StackRun
from daybook.testing.waiting import eventually

pytestmark = pytest.mark.timeout(240)

SHOP = {"x-app-id": "shop-server", "x-app-token": "s3cret"}


@pytest_asyncio.fixture
async def api(run: StackRun) -> AsyncIterator[httpx.AsyncClient]:
    key = {"authorization": f"Bearer {run.stack['api_key']}"}
    async with httpx.AsyncClient(
        base_url=run.stack["api"], headers=key, timeout=20
    ) as client:
        yield client


async def test_a_requests_trace_is_followed_through_task_export_and_delivery(
    run: StackRun, api: httpx.AsyncClient
) -> None:
    traceparent = f"00-{uuid4().hex}-{uuid4().hex[:16]}-01"
    headers = {"traceparent": traceparent}
    async with Receiver() as receiver:
        types = ["import.finished", "export.done"]
        endpoint = await api.post(
            "/v1/webhook-endpoints",
            json={"url": receiver.url(), "event_types": types},
        )
        assert endpoint.status_code == 201, endpoint.text

        task_id = await import_into_the_shop(run, headers)
        made = await api.post(
            "/v1/exports", json={"exported_object": "api_log"}, headers=headers
        )
        of_trace = [task_id, made.json()["id"]]

        def came() -> bool:
            bodies = [one.body for one in receiver.requests]
            return all(any(id.encode() in body for body in bodies) for id in of_trace)

        await eventually(came, within=60)
        await api.delete(f"/v1/webhook-endpoints/{endpoint.json()['id']}")

    ours = [
        request
        for request in receiver.requests
        if any(id.encode() in request.body for id in of_trace)
    ]
    assert {request.header("traceparent") for request in ours} == {traceparent}
    for id in of_trace:
        assert await traces_of_task(api, id) == {traceparent}
    log = await api.get("/v1/logs", params={"task_id": task_id})
    assert [one["traceparent"] for one in log.json()["logs"]] == [traceparent]


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
