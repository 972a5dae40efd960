"""All that there is of exports, for the API and the pages."""

from collections.abc import Callable
from dataclasses import dataclass

from daybook.runtime.clock import Clock, Stopwatch
from daybook.runtime.mongo import Document
from daybook.runtime.objects import Objects
from pymongo.asynchronous.database import AsyncDatabase

from query.exports.asking import Asking
from query.exports.browsing.browser import Browser
from query.exports.browsing.cache import LocalParts
from query.exports.estimates import Estimates
from query.exports.links import Links
from query.exports.lists import ExportLists
from query.exports.making import Making
from query.exports.repository import Exports
from query.settings import QuerySettings
from query.signing import Signer
from query.webhooks.commands import Commands


@dataclass(frozen=True, slots=True)
class ExportParts:
    """Exports, their lists, files and rows, and what is asked of the exporter."""

    stored: Exports
    lists: ExportLists
    making: Making
    estimates: Estimates
    asking: Asking
    links: Links
    objects: Objects
    browser: Browser
    clock: Clock
    public_url: str | None


def exports_of(
    settings: QuerySettings,
    database: AsyncDatabase[Document],
    objects: Objects,
    signer: Signer,
    commands: Commands,
    *,
    clock: Clock,
    stopwatch: Stopwatch,
    make_id: Callable[[], str],
) -> ExportParts:
    """The parts over one database and one storage; it opens nothing."""
    stored = Exports(database)
    return ExportParts(
        stored,
        ExportLists(stored),
        Making(stored, clock, make_id),
        Estimates(database, clock, stopwatch),
        Asking(stored, commands),
        Links(signer, clock, settings.export_link_lifetime),
        objects,
        Browser(
            LocalParts(objects, settings.browse_cache, settings.browse_cache_bytes),
            budget=settings.browse_budget,
            at_once=settings.browse_at_once,
            clock=clock,
            stopwatch=stopwatch,
        ),
        clock,
        settings.public_url,
    )
