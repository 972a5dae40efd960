"""``/live/tasks``: the progress of the tasks on a page, while somebody looks at it.

``/live/exports``: the same of exports.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import orjson
from daybook.runtime.clock import Clock, Stopwatch
from daybook.runtime.mongo import Document
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from query.api.errors import ApiError, unauthorized
from query.api.tasks import too_many_watch
from query.auth import Unauthorized
from query.pages import export_views, task_views
from query.pages.desk import Desk
from query.shapes import Json
from query.tasks.live import MOST_WATCHED, Live
from query.tasks.watching import HEARTBEAT

_STILL_HERE = ": still here\n\n"

Shown = Callable[[Document, datetime], Json]


def live_tasks_router(
    desk: Desk, watched: Live, clock: Clock, stopwatch: Stopwatch
) -> APIRouter:
    """The stream that the tasks pages' own module listens to."""
    return _router("tasks", desk, watched, task_views.live, clock, stopwatch)


def live_exports_router(
    desk: Desk, watched: Live, clock: Clock, stopwatch: Stopwatch
) -> APIRouter:
    """The stream that the same module listens to on the exports pages."""
    return _router("exports", desk, watched, export_views.live, clock, stopwatch)


def _router(
    name: str,
    desk: Desk,
    watched: Live,
    shown: Shown,
    clock: Clock,
    stopwatch: Stopwatch,
) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(f"/live/{name}")
    async def watch(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            raise unauthorized()
        ids = request.query_params.getlist("id")
        if not 1 <= len(ids) <= MOST_WATCHED:
            raise ApiError(
                HTTPStatus.BAD_REQUEST,
                "invalid_query_params",
                f"Name 1 to {MOST_WATCHED} {name}: `id=…&id=…`.",
            )
        if watched.full:
            raise too_many_watch()

        async def still_signed_in() -> None:
            if await desk.session(request) is None:
                raise Unauthorized

        looks = watched.looks(session.caller.project_id, ids, still_signed_in)
        return StreamingResponse(
            events(looks, clock, stopwatch, heartbeat=HEARTBEAT, shown=shown),
            media_type="text/event-stream",
            # A proxy on the way would otherwise gather events.
            headers={"x-accel-buffering": "no"},
        )

    return router


async def events(
    looks: AsyncIterator[Sequence[dict[str, Any]]],
    clock: Clock,
    stopwatch: Stopwatch,
    *,
    heartbeat: timedelta,
    shown: Shown = task_views.live,
) -> AsyncIterator[str]:
    """``task`` for each that looks different than before, then ``end``.

    An export is a background task too.

    A stream that closes without ``end`` was cut off: connect again.
    """
    known: dict[str, Json] = {}
    said = stopwatch()
    async for tasks in looks:
        now = clock()
        changed = [
            shape
            for shape in (shown(task, now) for task in tasks)
            if known.get(shape["id"]) != shape
        ]
        for shape in changed:
            known[shape["id"]] = shape
            yield f"event: task\ndata: {orjson.dumps(shape).decode()}\n\n"
        if changed:
            said = stopwatch()
        elif stopwatch() - said >= heartbeat.total_seconds():
            said = stopwatch()
            yield _STILL_HERE
    if known and all(shape["finished"] for shape in known.values()):
        yield "event: end\ndata: {}\n\n"
