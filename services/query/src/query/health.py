"""``/livez``, ``/readyz`` and ``/metrics``, on the service's own port."""

import asyncio

from daybook.runtime.metrics import QueryMetrics
from daybook.runtime.mongo import Document
from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from starlette.responses import PlainTextResponse, Response

# A probe has its own time-out, often a second.
_PING_SECONDS = 0.9


def health_router(
    database: AsyncDatabase[Document], metrics: QueryMetrics
) -> APIRouter:
    """The routes; none of them needs a key."""
    router = APIRouter(include_in_schema=False)

    @router.get("/livez")
    async def livez() -> Response:  # pyright: ignore[reportUnusedFunction]
        """The process answers; a database that is away is no reason to restart it."""
        return PlainTextResponse("ok\n")

    @router.get("/readyz")
    async def readyz() -> Response:  # pyright: ignore[reportUnusedFunction]
        """The database answers."""
        try:
            async with asyncio.timeout(_PING_SECONDS):
                await database.command("ping")
        except (PyMongoError, TimeoutError):
            return PlainTextResponse("the database does not answer\n", 503)
        return PlainTextResponse("ok\n")

    @router.get("/metrics")
    async def show_metrics() -> Response:  # pyright: ignore[reportUnusedFunction]
        return Response(
            generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST
        )

    return router
