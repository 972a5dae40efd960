"""What the routes of exports are made of."""

from collections.abc import Callable

from daybook.runtime.clock import Clock, Stopwatch
from daybook.runtime.mongo import Document
from daybook.runtime.objects import Objects
from fastapi import APIRouter
from pymongo.asynchronous.database import AsyncDatabase

from query.api.export_rows import export_rows_router
from query.api.exports import exports_router
from query.auth import Authenticator
from query.exports.browsing.browser import Browser
from query.exports.browsing.cache import LocalParts
from query.exports.links import Links
from query.exports.repository import Exports
from query.settings import QuerySettings
from query.signing import Signer
from query.webhooks.commands import Commands


def export_routers(
    settings: QuerySettings,
    database: AsyncDatabase[Document],
    authenticator: Authenticator,
    signer: Signer,
    commands: Commands,
    *,
    clock: Clock,
    stopwatch: Stopwatch,
    make_id: Callable[[], str],
) -> tuple[APIRouter, APIRouter]:
    """The API of exports, and that of their rows."""
    exports = Exports(database)
    objects = Objects(settings.storage_url)
    browser = Browser(
        LocalParts(objects, settings.browse_cache, settings.browse_cache_bytes),
        budget=settings.browse_budget,
        at_once=settings.browse_at_once,
        clock=clock,
        stopwatch=stopwatch,
    )
    whole = exports_router(
        exports,
        Links(signer, clock, settings.export_link_lifetime),
        objects,
        authenticator,
        commands,
        clock=clock,
        make_id=make_id,
        public_url=settings.public_url,
    )
    return whole, export_rows_router(exports, browser, authenticator)
