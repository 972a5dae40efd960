from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from daybook.runtime.mongo import Document, connect
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from pymongo import AsyncMongoClient
from query.app import create_app
from query.settings import QuerySettings

SHAPE = {
    "code",
    "message",
    "key",
    "details",
    "request_id",
    "resource_id",
    "resource_type",
}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/nothing", 404),
        ("GET", "/v1/logs/nothing", 404),
        ("POST", "/v1/logs", 405),
        ("GET", "/v1/logs?limit=x", 400),
        ("GET", "/static/../nothing", 404),
    ],
)
async def test_every_error_is_the_error_object(
    api: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await api.request(method, path)

    assert (answer.status_code, answer.json()["code"]) == (status, status)
    assert set(answer.json()) == SHAPE
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_what_was_not_found_is_named(api: httpx.AsyncClient) -> None:
    answer = await api.get("/v1/logs/abc")

    error = answer.json()
    assert (error["resource_type"], error["resource_id"]) == ("log", "abc")
    assert error["key"] == "log_not_found"


@pytest.mark.parametrize("given", ["bad id", "x" * 129, "a\x1bb"])
async def test_a_sane_request_id_is_kept_and_another_is_replaced(
    anyone: httpx.AsyncClient, given: str
) -> None:
    kept = await anyone.get("/livez", headers={"x-request-id": "abc-1"})
    replaced = await anyone.get("/livez", headers={"x-request-id": given})

    assert kept.headers["x-request-id"] == "abc-1"
    assert replaced.headers["x-request-id"].startswith("made-")


async def test_a_fault_of_ours_is_the_error_object_too(
    app: FastAPI, anyone: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    @app.get("/broken")
    async def broken() -> None:  # pyright: ignore[reportUnusedFunction]
        raise RuntimeError("private")

    answer = await anyone.get("/broken")

    assert answer.status_code == 500
    assert set(answer.json()) == SHAPE
    assert "private" not in answer.text
    assert "made-1" in caplog.text


@pytest.fixture
async def cut_off(settings: QuerySettings) -> AsyncIterator[httpx.AsyncClient]:
    """The service, whose database is away."""
    uri = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=50&connectTimeoutMS=50"
    client: AsyncMongoClient[Document] = connect(uri, app_name="tests")
    # The connection's own settings win over the address, for a test that waits less.
    client = AsyncMongoClient(uri)
    app = create_app(settings, client["daybook"], registry=CollectorRegistry())
    async with (
        client,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://daybook.test"
        ) as http,
    ):
        yield http


async def test_a_database_that_is_away_is_a_503_that_says_when_to_come_back(
    cut_off: httpx.AsyncClient,
) -> None:
    key = "dbk_" + "0" * 16 + "_" + "0" * 64

    answer = await cut_off.get("/v1/logs", headers={"authorization": f"Bearer {key}"})
    ready = await cut_off.get("/readyz")
    alive = await cut_off.get("/livez")

    assert answer.status_code == 503
    assert answer.json()["key"] == "database_unavailable"
    assert int(answer.headers["retry-after"]) > 0
    assert (ready.status_code, alive.status_code) == (503, 200)


async def test_metrics_count_answers_by_route_template(
    api: httpx.AsyncClient, new_key: Callable[..., Awaitable[str]]
) -> None:
    await api.get("/v1/logs")
    await api.get("/v1/logs/some-id")
    await api.get("/made/up")

    metrics = (await api.get("/metrics")).text

    name = "daybook_query_request_duration_seconds_count"
    answers = "daybook_query_answers_total"
    assert f'{name}{{method="GET",route="/v1/logs"}} 1.0' in metrics
    assert f'{answers}{{route="/v1/logs",status="2xx"}} 1.0' in metrics
    assert f'{answers}{{route="/v1/logs",status="5xx"}} 0.0' in metrics
    assert f'{answers}{{route="/v1/logs/{{log_id:id}}",status="4xx"}} 1.0' in metrics
    assert f'{answers}{{route="unmatched",status="4xx"}} 1.0' in metrics
    assert "some-id" not in metrics


async def test_a_ready_service_says_so(anyone: httpx.AsyncClient) -> None:
    answer = await anyone.get("/readyz")

    assert answer.status_code == 200


async def test_the_documentation_names_models_and_the_error_object(
    anyone: httpx.AsyncClient,
) -> None:
    page = await anyone.get("/docs")
    schemas = (await anyone.get("/openapi.json")).json()["components"]["schemas"]

    assert page.status_code == 200
    assert {"LogPage", "Log", "Error"} <= set(schemas)
    for text in ("created_at[after]", "LogSummary[]", "searched_until", "request_id"):
        assert text in page.text


async def test_the_documentation_has_all_of_background_tasks(
    anyone: httpx.AsyncClient,
) -> None:
    page = await anyone.get("/docs")
    openapi = (await anyone.get("/openapi.json")).json()

    tasks = "/v1/async-actions"
    one = f"{tasks}/{{task_id}}"
    below = {f"{one}/{name}" for name in ("events", "failed-rows", "stream")}
    models = {"TaskPage", "Task", "TaskEventPage", "FailedRowPage"}
    assert {tasks, one} | below <= set(openapi["paths"])
    assert models <= set(openapi["components"]["schemas"])
    names = {item["name"] for item in openapi["paths"][tasks]["get"]["parameters"]}
    assert {"end_date", "progress[gte]", "stalled", "import_file_id"} <= names
    rows = openapi["paths"][f"{one}/failed-rows"]["get"]["parameters"]
    assert [item["name"] for item in rows] == [
        "task_id",
        "q",
        "format",
        "limit",
        "cursor",
    ]
    for text in ("progress[lte]", "TaskSummary[]", f"{one}/stream", "TaskResult"):
        assert text in page.text
