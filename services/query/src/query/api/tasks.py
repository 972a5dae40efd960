"""``/v1/async-actions``: background tasks of the key's project."""

from http import HTTPStatus
from typing import Any

from daybook.runtime.mongo import Document
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from query.api.answers import json_answer, list_answer, list_shape, readable
from query.api.errors import ApiError
from query.api.models import Error
from query.api.parameters import TASK_LIMIT, TASK_LIST, paging_parameters, split_paging
from query.api.task_models import Task, TaskEventPage, TaskPage
from query.auth import Authenticator
from query.filters import InvalidFilters
from query.tasks.filters import TASK_FILTERS, read_task_filters
from query.tasks.reads import TaskReads
from query.tasks.repository import Tasks
from query.tasks.shapes import (
    FINISHED,
    task_event_shape,
    task_shape,
    whole_task_shape,
)

ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Error, "description": "A parameter cannot be read."},
    401: {"model": Error, "description": "No valid key."},
    404: {"model": Error, "description": "No such task in the key's project."},
    503: {"model": Error, "description": "The database is away: try again."},
}
_STREAM_ERRORS: dict[int | str, dict[str, Any]] = {
    **{code: ERRORS[code] for code in (401, 404)},
    503: {"model": Error, "description": "The database is away, or too many watch."},
}
RETRY_AFTER_SECONDS = 5


def tasks_router(reads: TaskReads, authenticator: Authenticator) -> APIRouter:
    """The list, and what is below a task."""
    router = APIRouter(tags=["Background tasks"])

    @router.get(
        "/v1/async-actions",
        summary="List background tasks",
        response_model=TaskPage,
        responses={code: ERRORS[code] for code in (400, 401, 503)},
        openapi_extra={"parameters": TASK_LIST},
    )
    async def list_tasks(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction]
        """The newest tasks first, of all time unless a time is asked for.

        Values of one filter are OR, filters are AND. A list whose filter matches rarely
        answers after two seconds with what it found and with searched_until; its
        next_cursor goes on from there. A task whose created_at moves back meanwhile may
        come twice, and is never left out.
        """
        caller = await authenticator.by_headers(request.headers)
        with readable(TASK_FILTERS.names):
            pairs, paging = split_paging(request.query_params.multi_items(), TASK_LIMIT)
            page = await reads.lists.page(
                caller.project_id,
                read_task_filters(pairs),
                cursor_text=paging.cursor,
                limit=paging.limit,
                default_window=None,
            )
        return list_answer(
            "async_actions", [task_shape(row) for row in page.rows], page
        )

    @router.get(
        "/v1/async-actions/{task_id:id}/events",
        summary="List a task's events",
        response_model=TaskEventPage,
        responses=ERRORS,
        openapi_extra={"parameters": paging_parameters()},
    )
    async def list_events(request: Request, task_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """The task's history, the oldest event first, without the rows that failed."""
        with readable(()):
            pairs, paging = split_paging(request.query_params.multi_items())
            if pairs:
                raise InvalidFilters({pairs[0][0]: "is unknown"})
            task = await find_task(reads.tasks, authenticator, request, task_id)
            page = await reads.history.page(
                task, cursor_text=paging.cursor, limit=paging.limit
            )
        rows = [task_event_shape(row) for row in page.rows]
        return json_answer(list_shape("task_events", rows, page.next_cursor))

    @router.get(
        "/v1/async-actions/{task_id:id}/stream",
        summary="Watch a task",
        response_class=StreamingResponse,
        responses={
            200: {
                "description": "Server-sent events until the task has finished.",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            **_STREAM_ERRORS,
        },
    )
    async def watch_task(request: Request, task_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """Server-sent events: task at once and at each change, then end.

        The data of both is the task as the list shows it. Once it is DONE or FAILED,
        end comes and the stream closes; a stream that closes without it was cut off:
        connect again. A comment keeps the connection open while nothing changes.
        """
        task = await find_task(reads.tasks, authenticator, request, task_id)
        if reads.watching.full:
            raise too_many_watch()
        # A proxy on the way would otherwise gather events before it hands them on.
        return StreamingResponse(
            reads.watching.watch(
                task, lambda: authenticator.by_headers(request.headers)
            ),
            media_type="text/event-stream",
            headers={"x-accel-buffering": "no"},
        )

    return router


def task_router(reads: TaskReads, authenticator: Authenticator) -> APIRouter:
    """The route of a task itself; the last one, since an id may hold a ``/``."""
    router = APIRouter(tags=["Background tasks"])

    @router.get(
        "/v1/async-actions/{task_id:id}",
        summary="Get a background task",
        response_model=Task,
        responses={code: ERRORS[code] for code in (401, 404, 503)},
    )
    async def get_task(request: Request, task_id: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        """One task; once it has finished, with its result and up to 1,000 failed rows.

        failed_count says how many rows failed in all.
        """
        task = await find_task(reads.tasks, authenticator, request, task_id)
        finished = task["status"] in FINISHED
        failed = await reads.failed_rows.all(task) if finished else []
        return json_answer(whole_task_shape(task, failed))

    return router


async def find_task(
    tasks: Tasks, authenticator: Authenticator, request: Request, task_id: str
) -> Document:
    """The caller's task of that id, or the error that says there is none."""
    caller = await authenticator.by_headers(request.headers)
    task = await tasks.task(caller.project_id, task_id)
    if task is None:
        raise ApiError(
            HTTPStatus.NOT_FOUND,
            "async_action_not_found",
            f"There is no background task {task_id} in this project. It may not have "
            "arrived yet: `GET /v1/async-actions` lists what is there.",
            resource=("async_action", task_id),
        )
    return task


def too_many_watch() -> ApiError:
    return ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "too_many_streams",
        "As many watch tasks here as this process serves at once. Try again in some "
        "seconds, or ask `GET /v1/async-actions/{id}` now and then.",
        headers={"retry-after": str(RETRY_AFTER_SECONDS)},
    )
