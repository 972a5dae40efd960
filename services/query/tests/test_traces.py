"""A request's trace, kept with what it asks for."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from daybook.runtime.mongo import Document
from daybook.testing.spans import Spans, parent_of_span, traceparent_of_span
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode
from prometheus_client import CollectorRegistry
from pymongo.asynchronous.database import AsyncDatabase
from query.app import Surroundings, create_app
from query.settings import QuerySettings

Database = AsyncDatabase[Document]
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def asked_for(
    api: httpx.AsyncClient, database: Database, **headers: str
) -> list[Any]:
    """What the export, and the command to delete it, know of a trace."""
    body = {"exported_object": "api_log"}
    made = await api.post("/v1/exports", json=body, headers=headers)
    await api.delete(f"/v1/exports/{made.json()['id']}", headers=headers)

    export = await database["exports"].find_one({"id": made.json()["id"]})
    command = await database["commands"].find_one({"kind": "export.delete"})
    assert export is not None
    assert command is not None
    return [export.get("traceparent"), command.get("traceparent")]


async def test_exports_and_commands_belong_to_the_trace_of_their_request(
    api: httpx.AsyncClient, database: Database
) -> None:
    assert await asked_for(api, database, traceparent=TRACEPARENT) == [TRACEPARENT] * 2


@pytest.mark.parametrize("headers", [{}, {"traceparent": "00-odd"}])
async def test_without_a_trace_they_belong_to_none(
    api: httpx.AsyncClient, database: Database, headers: dict[str, str]
) -> None:
    assert await asked_for(api, database, **headers) == [None, None]


class Traced:
    """The service with spans, asked as the project ``shop``."""

    def __init__(self, http: httpx.AsyncClient, spans: Spans) -> None:
        self.http = http
        self.spans = spans

    @property
    def span(self) -> ReadableSpan:
        """The only one."""
        (ended,) = self.spans.ended
        return ended


@pytest.fixture
async def traced(
    database: Database, settings: QuerySettings, new_key: Callable[..., Awaitable[str]]
) -> AsyncIterator[Traced]:
    spans = Spans()
    app = create_app(
        settings,
        database,
        registry=CollectorRegistry(),
        surroundings=Surroundings(tracer=spans.tracer),
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://daybook.test",
        headers={"authorization": f"Bearer {await new_key()}"},
    ) as http:
        yield Traced(http, spans)


async def test_where_spans_are_made_a_request_is_one_and_what_it_asks_for_its_child(
    traced: Traced, database: Database
) -> None:
    body = {"exported_object": "api_log"}
    headers = {"traceparent": TRACEPARENT}
    await traced.http.post("/v1/exports", json=body, headers=headers)

    export = await database["exports"].find_one({})
    assert export is not None
    assert parent_of_span(traced.span) == TRACEPARENT
    assert export["traceparent"] == traceparent_of_span(traced.span)
    assert traced.span.name == "POST /v1/exports"
    assert dict(traced.span.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/v1/exports",
        "http.response.status_code": 200,
    }


async def test_a_span_names_the_route_and_nothing_that_was_asked_for(
    traced: Traced,
) -> None:
    await traced.http.get("/v1/logs/hunter2?q=hunter2")

    assert traced.span.parent is None
    assert "hunter2" not in traced.span.to_json()
    assert traced.span.status.status_code is StatusCode.UNSET  # a 404 is an answer


async def test_who_watches_the_process_leaves_no_spans(traced: Traced) -> None:
    for path in ("/livez", "/readyz", "/metrics", "/static/daybook.css"):
        assert (await traced.http.get(path)).status_code == 200

    assert traced.spans.ended == []
