"""The composition root: everything is made here and handed on."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from daybook.runtime.clock import Clock, Stopwatch, monotonic, utc_now
from daybook.runtime.metrics import QueryMetrics
from daybook.runtime.mongo import Document, is_unavailable
from daybook.runtime.tracing import NO_TRACER, Tracer
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from prometheus_client import CollectorRegistry
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from uuid_utils import uuid7

from query.api.errors import (
    ApiError,
    from_http,
    request_id_of,
    unauthorized,
    unavailable,
)
from query.api.export_rows import export_rows_router
from query.api.exports import exports_router
from query.api.failed_rows import failed_rows_router
from query.api.import_files import import_files_router
from query.api.logs import logs_router
from query.api.tasks import task_router, tasks_router
from query.api.webhook_actions import webhook_actions_router
from query.api.webhook_endpoints import webhook_endpoints_router
from query.api.webhook_sendouts import webhook_sendouts_router
from query.auth import Authenticator, Unauthorized
from query.control_plane import ControlPlane
from query.edge import STATIC, UNMATCHED, Edge
from query.exports.parts import exports_of
from query.health import health_router
from query.import_files.library import Library
from query.import_files.repository import ImportFiles
from query.keys import Randomness, system_randomness
from query.lists import Lists
from query.logs.plans import plan as plan_of_logs
from query.logs.repository import Logs
from query.pages.browsing import browsing_pages
from query.pages.desk import STATIC as STATIC_FILES
from query.pages.desk import Desk
from query.pages.docs import docs_router
from query.pages.endpoint_deeds import endpoint_deeds
from query.pages.endpoint_desk import EndpointDesk
from query.pages.endpoints import endpoints_pages
from query.pages.export_deeds import export_deeds
from query.pages.exporting import exporting_pages
from query.pages.exports import exports_pages
from query.pages.import_files import import_file_pages
from query.pages.live_tasks import live_exports_router, live_tasks_router
from query.pages.logs import logs_pages
from query.pages.retrying import retrying_pages
from query.pages.sendouts import sendouts_pages
from query.pages.sign_in import sign_in_router
from query.pages.task_detail import TaskDetails
from query.pages.tasks import tasks_pages
from query.paths import know_ids
from query.sessions import Sessions
from query.settings import QuerySettings
from query.signing import Signer
from query.tasks.causes import Causes
from query.tasks.live import WATCHED_EXPORTS, Live
from query.tasks.reads import task_reads
from query.tasks.timeline import Timelines
from query.tasks.watching import Pace
from query.tracing import Traces
from query.webhooks.commands import PATIENCE
from query.webhooks.parts import webhooks_of

logger = logging.getLogger(__name__)


def _uuid7() -> str:
    return str(uuid7())


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What differs between a test and the world.

    ``stopping`` is set when the process is to end: what would never end by itself does.
    """

    clock: Clock = utc_now
    stopwatch: Stopwatch = monotonic
    randomness: Randomness = system_randomness
    make_id: Callable[[], str] = _uuid7
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    patience: timedelta = PATIENCE  # with commands
    tracer: Tracer = NO_TRACER


def create_app(
    settings: QuerySettings,
    database: AsyncDatabase[Document],
    *,
    registry: CollectorRegistry,
    surroundings: Surroundings | None = None,
) -> FastAPI:
    """The service; it opens nothing by itself and owns no connection."""
    world = surroundings or Surroundings()
    authenticator = Authenticator(ControlPlane(database), world.stopwatch)
    signer = Signer(_session_secret(settings), world.clock)
    sessions = Sessions(
        signer,
        authenticator,
        world.randomness,
        lifetime=settings.session_lifetime,
        secure=(settings.public_url or "").startswith("https://"),
    )
    desk = Desk(sessions)
    logs = Logs(database, world.stopwatch)
    lists = Lists("logs", logs, plan_of_logs, world.clock, settings.list_budget)
    tasks = task_reads(
        database,
        world.clock,
        world.stopwatch,
        budget=settings.list_budget,
        stopping=world.stopping,
        most_streams=settings.most_streams,
    )
    objects = settings.objects()
    library = Library(
        ImportFiles(database),
        objects,
        limit=settings.import_file_limit,
        clock=world.clock,
        make_id=world.make_id,
    )
    causes = Causes(database)
    details = TaskDetails(
        tasks.failed_rows, Timelines(database, settings.list_budget), library.files
    )
    live = Live(database, world.stopping, most=settings.most_streams, pace=Pace())
    live_exports = Live(
        database,
        world.stopping,
        most=settings.most_streams,
        pace=Pace(),
        watched=WATCHED_EXPORTS,
    )
    webhooks = webhooks_of(
        database,
        rules=settings.address_rules,
        box=settings.box(),
        clock=world.clock,
        stopwatch=world.stopwatch,
        make_id=world.make_id,
        randomness=world.randomness,
        patience=world.patience,
        budget=settings.list_budget,
    )
    exports = exports_of(
        settings,
        database,
        objects,
        signer,
        webhooks.commands,
        clock=world.clock,
        stopwatch=world.stopwatch,
        make_id=world.make_id,
    )
    metrics = QueryMetrics(registry)

    know_ids()
    app = FastAPI(
        title="Daybook",
        version="1",
        description="The audit log of a platform: every request, found again.",
        docs_url=None,
        redoc_url=None,
        # An id may end in a slash.
        redirect_slashes=False,
    )
    app.include_router(health_router(database, metrics))
    app.include_router(logs_router(logs, lists, authenticator))
    app.include_router(tasks_router(tasks, authenticator))
    app.include_router(
        failed_rows_router(tasks.tasks, tasks.failed_rows, authenticator)
    )
    app.include_router(task_router(tasks, authenticator))
    app.include_router(import_files_router(library, authenticator))
    app.include_router(webhook_endpoints_router(webhooks.endpoints, authenticator))
    app.include_router(webhook_actions_router(webhooks, authenticator))
    app.include_router(webhook_sendouts_router(webhooks, authenticator))
    app.include_router(exports_router(exports, authenticator))
    app.include_router(
        export_rows_router(exports.stored, exports.browser, authenticator)
    )
    app.include_router(sign_in_router(desk, authenticator))
    app.include_router(logs_pages(desk, logs, lists, library.files, causes))
    app.include_router(tasks_pages(desk, tasks, details, world.clock))
    app.include_router(sendouts_pages(desk, webhooks, world.clock))
    app.include_router(retrying_pages(desk, webhooks, world.clock))
    endpoint_desk = EndpointDesk(desk, webhooks, world.clock)
    app.include_router(endpoints_pages(endpoint_desk))
    app.include_router(endpoint_deeds(endpoint_desk))
    app.include_router(exports_pages(desk, exports, webhooks.commands))
    app.include_router(export_deeds(desk, exports))
    app.include_router(exporting_pages(desk, exports))
    app.include_router(browsing_pages(desk, exports))
    app.include_router(live_tasks_router(desk, live, world.clock, world.stopwatch))
    app.include_router(
        live_exports_router(desk, live_exports, world.clock, world.stopwatch)
    )
    app.include_router(import_file_pages(desk, library))
    app.include_router(docs_router(desk, app))
    app.mount("/static", StaticFiles(directory=STATIC_FILES))
    _answer_errors(app, desk)
    _show_routes(app, metrics)
    app.add_middleware(Traces, tracer=world.tracer)
    app.add_middleware(
        Edge,
        metrics=metrics,
        stopwatch=world.stopwatch,
        make_id=world.make_id,
        stopping=world.stopping,
    )
    return app


def _session_secret(settings: QuerySettings) -> str:
    if settings.session_secret is not None:
        return settings.session_secret.get_secret_value()
    logger.warning(
        "DAYBOOK_SESSION_SECRET is not set: a random one is used, so sessions and "
        "sign-in links end with this process and no other process accepts them"
    )
    return secrets.token_hex(32)


def _show_routes(app: FastAPI, metrics: QueryMetrics) -> None:
    for route in iter_route_contexts(app.routes):
        if route.path is not None:
            metrics.serves(route.path, route.methods or ())
    for other in (STATIC, UNMATCHED):
        metrics.serves(other, ("GET",))


def _answer_errors(app: FastAPI, desk: Desk) -> None:
    def answer(request: Request, error: ApiError) -> Response:
        if _wants_page(request):
            return desk.error(request, error)
        return error.response(request_id_of(request))

    @app.exception_handler(ApiError)
    async def api_error(request: Request, error: ApiError) -> Response:  # pyright: ignore[reportUnusedFunction]
        return answer(request, error)

    @app.exception_handler(Unauthorized)
    async def no_key(request: Request, _: Unauthorized) -> Response:  # pyright: ignore[reportUnusedFunction]
        return answer(request, unauthorized())

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:  # pyright: ignore[reportUnusedFunction]
        return answer(request, from_http(request, error))

    @app.exception_handler(TimeoutError)
    async def silent(request: Request, error: TimeoutError) -> Response:  # pyright: ignore[reportUnusedFunction]
        return answer(request, unavailable(error))

    @app.exception_handler(PyMongoError)
    async def database_error(request: Request, error: PyMongoError) -> Response:  # pyright: ignore[reportUnusedFunction]
        if not is_unavailable(error):
            raise error
        logger.warning("the database does not answer: %s", error)
        return answer(request, unavailable(error))


def _wants_page(request: Request) -> bool:
    if request.url.path.startswith("/v1/"):
        return False
    return "text/html" in request.headers.get("accept", "")
