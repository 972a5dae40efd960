"""What holds for each route of the API, however many there will be."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from daybook.runtime.mongo import Document
from daybook.storage.sendouts import SENDOUT_INDEXES
from daybook.testing.stored_logs import stored_log
from daybook.testing.stored_sendouts import stored_sendout
from daybook.testing.stored_tasks import stored_task
from daybook.webhooks.sealing import new_key as sealing_key
from pydantic import SecretStr
from pymongo.asynchronous.database import AsyncDatabase
from query.settings import QuerySettings

MakeKey = Callable[..., Awaitable[str]]
# Read with an export's own rows, which it has none of before it is done.
BROWSED = "/v1/exports/{export_id}/rows"


@pytest.fixture
def settings(tmp_path: Path) -> QuerySettings:
    return QuerySettings(
        session_secret=SecretStr("a secret of enough letters"),
        sealing_keys=SecretStr(sealing_key("k")),
        storage_url=str(tmp_path / "objects"),
    )


@pytest.fixture
async def ids(
    api: httpx.AsyncClient,
    database: AsyncDatabase[Document],
    store: Callable[..., Awaitable[None]],
    store_tasks: Callable[..., Awaitable[None]],
    now: Any,
) -> dict[str, str]:
    """One of everything in the project ``shop``, by the name that paths have for it."""
    then = now - timedelta(minutes=1)
    await store(stored_log("log-1", then))
    await store_tasks(stored_task("task-1", then))
    await database["sendouts"].create_indexes(list(SENDOUT_INDEXES))
    await database["sendouts"].insert_one(stored_sendout("whs_1", then))
    command: Document = {
        "_id": "shop/cmd_1",
        "id": "cmd_1",
        "project_id": "shop",
        "kind": "export.cancel",
        "service": "exporter",
        "status": "DONE",
        "parameters": {"export_id": "exp_1"},
        "created_at": then,
    }
    await database["commands"].insert_one(command)
    file = await api.post("/v1/import-files", content=b"code\nA\n")
    endpoint = await api.post(
        "/v1/webhook-endpoints", json={"url": "https://receiver.example/hooks"}
    )
    export = await api.post("/v1/exports", json={"exported_object": "api_log"})
    return {
        "log_id": "log-1",
        "task_id": "task-1",
        "sendout_id": "whs_1",
        "command_id": "cmd_1",
        "file_id": file.json()["id"],
        "endpoint_id": endpoint.json()["id"],
        "export_id": export.json()["id"],
        "number": "1",
    }


async def _routes(client: httpx.AsyncClient) -> list[tuple[str, str]]:
    paths: dict[str, Any] = (await client.get("/openapi.json")).json()["paths"]
    found = [
        (method.upper(), path) for path, methods in paths.items() for method in methods
    ]
    assert len(found) > 30
    return found


def _body(path: str) -> dict[str, Any]:
    if path.endswith("/replay"):
        return {"since": "2026-11-24T00:00:00Z"}
    if path == "/v1/exports":
        return {"exported_object": "api_log", "dry_run": True}
    return {"dry_run": True} if path.endswith("sendouts/retry") else {}


async def _status(
    client: httpx.AsyncClient, method: str, path: str, ids: dict[str, str]
) -> int:
    body = _body(path) if method in ("POST", "PATCH") else None
    answer = await client.request(method, path.format(**ids), json=body)
    return answer.status_code


async def test_no_route_answers_without_a_key(
    api: httpx.AsyncClient, ids: dict[str, str]
) -> None:
    routes = await _routes(api)
    del api.headers["authorization"]

    got = {route: await _status(api, *route, ids) for route in routes}

    assert got == dict.fromkeys(routes, 401)


async def test_what_another_project_has_is_on_no_route(
    api: httpx.AsyncClient, ids: dict[str, str], new_key: MakeKey
) -> None:
    routes = [route for route in await _routes(api) if "{" in route[1]]
    api.headers["authorization"] = f"Bearer {await new_key('other')}"

    got = {route: await _status(api, *route, ids) for route in routes}

    assert got == dict.fromkeys(routes, 404)


async def test_lists_and_counts_hold_nothing_of_another_project(
    api: httpx.AsyncClient, ids: dict[str, str], new_key: MakeKey
) -> None:
    assert ids
    lists = [
        path
        for method, path in await _routes(api)
        if method == "GET" and "{" not in path
    ]
    owned = {path: (await api.get(path)).json() for path in lists}
    api.headers["authorization"] = f"Bearer {await new_key('other')}"

    got = {path: (await api.get(path)).json() for path in lists}
    estimate = await api.post("/v1/exports", json=_body("/v1/exports"))
    retried = await api.post("/v1/webhook-sendouts/retry", json={"dry_run": True})

    assert {path: len(page[page["data_ref"]]) for path, page in owned.items()} == (
        dict.fromkeys(lists, 1)
    )
    assert {path: page[page["data_ref"]] for path, page in got.items()} == {
        path: [] for path in lists
    }
    assert estimate.json()["rows"] == 0
    assert "whs_1" not in retried.text


async def test_its_own_project_finds_each_of_them(
    api: httpx.AsyncClient, ids: dict[str, str]
) -> None:
    # A stream would last as long as its task.
    routes = [
        route
        for route in await _routes(api)
        if route[0] == "GET" and "{" in route[1] and not route[1].endswith("/stream")
    ]

    got = {route: await _status(api, *route, ids) for route in routes}

    assert got == {
        route: 409 if route[1].startswith(BROWSED) else 200 for route in routes
    }


async def test_a_query_of_mistakes_alone_is_answered_in_few_words(
    api: httpx.AsyncClient,
) -> None:
    query = "&".join(f"made_up_{number}=1" for number in range(3_000))

    answer = await api.get(f"/v1/logs?{query}")

    assert answer.status_code == 400
    assert "made_up_0 is unknown" in answer.json()["message"]
    assert len(answer.content) < 10_000
