"""``/live/tasks``: the progress of the tasks on a page, while somebody looks at it."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import orjson
from daybook.runtime.clock import Clock, Stopwatch
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from query.api.errors import ApiError, unauthorized
from query.api.tasks import too_many_watch
from query.auth import Unauthorized
from query.pages.desk import Desk
from query.pages.task_views import live
from query.tasks.live import MOST_WATCHED, Live
from query.tasks.watching import HEARTBEAT

_STILL_HERE = ": still here\n\n"


def live_tasks_router(
    desk: Desk, watched: Live, clock: Clock, stopwatch: Stopwatch
) -> APIRouter:
    """The stream that the pages' own module listens to."""
    router = APIRouter(include_in_schema=False)

    @router.get("/live/tasks")
    async def watch(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        session = await desk.session(request)
        if session is None:
            raise unauthorized()
        task_ids = request.query_params.getlist("id")
        if not 1 <= len(task_ids) <= MOST_WATCHED:
            raise ApiError(
                HTTPStatus.BAD_REQUEST,
                "invalid_query_params",
                f"Name 1 to {MOST_WATCHED} tasks: `id=…&id=…`.",
            )
        if watched.full:
            raise too_many_watch()

        async def still_signed_in() -> None:
            if await desk.session(request) is None:
                raise Unauthorized

        looks = watched.looks(session.caller.project_id, task_ids, still_signed_in)
        return StreamingResponse(
            events(looks, clock, stopwatch, heartbeat=HEARTBEAT),
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
) -> AsyncIterator[str]:
    """``task`` for each that looks different than before, then ``end``.

    A stream that closes without ``end`` was cut off: connect again.
    """
    shown: dict[str, dict[str, Any]] = {}
    said = stopwatch()
    async for tasks in looks:
        now = clock()
        changed = [
            shape
            for shape in (live(task, now) for task in tasks)
            if shown.get(shape["id"]) != shape
        ]
        for shape in changed:
            shown[shape["id"]] = shape
            yield f"event: task\ndata: {orjson.dumps(shape).decode()}\n\n"
        if changed:
            said = stopwatch()
        elif stopwatch() - said >= heartbeat.total_seconds():
            said = stopwatch()
            yield _STILL_HERE
    if shown and all(shape["finished"] for shape in shown.values()):
        yield "event: end\ndata: {}\n\n"
