"""A request's trace, kept with what it asks for."""

from typing import Any

import httpx
import pytest
from daybook.runtime.mongo import Document
from pymongo.asynchronous.database import AsyncDatabase

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def asked_for(
    api: httpx.AsyncClient, database: AsyncDatabase[Document], **headers: str
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
    api: httpx.AsyncClient, database: AsyncDatabase[Document]
) -> None:
    assert await asked_for(api, database, traceparent=TRACEPARENT) == [TRACEPARENT] * 2


@pytest.mark.parametrize("headers", [{}, {"traceparent": "00-odd"}])
async def test_without_a_trace_they_belong_to_none(
    api: httpx.AsyncClient, database: AsyncDatabase[Document], headers: dict[str, str]
) -> None:
    assert await asked_for(api, database, **headers) == [None, None]
