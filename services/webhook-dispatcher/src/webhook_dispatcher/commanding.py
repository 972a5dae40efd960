"""Who does what people asked of the dispatcher: workers, apart from each other."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from daybook import Client
from daybook.runtime.commands import Commands
from daybook.runtime.mongo import Document
from daybook.runtime.tiers.move import Moving
from daybook.runtime.tiers.moves import Work, movers
from daybook.storage.commands import MOVE_SENDOUTS, WEBHOOK_DISPATCHER
from daybook.storage.tier_walks import SENDOUT_WALKS
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from webhook_dispatcher.deeds import LONG, Deeds, Tools
from webhook_dispatcher.settings import Settings

LEASE = timedelta(seconds=30)


def commands(stored: AsyncCollection[Document], tools: Tools) -> Commands:
    """Does what people wait for."""
    return Commands(
        stored,
        WEBHOOK_DISPATCHER,
        Deeds(tools).by_kind(),
        LEASE,
        LONG,
        only={"kind": {"$ne": MOVE_SENDOUTS}},
    )


def moves(
    database: AsyncDatabase[Document],
    settings: Settings,
    caught_up: Callable[[], Awaitable[None]],
    client: Client,
) -> Mapping[Work, timedelta]:
    """Moves what is stored of a project to another tier, which may take hours."""
    moving = Moving(
        database=database,
        walks=SENDOUT_WALKS,
        settings=settings,
        caught_up=caught_up,
        client=client,
    )
    return movers(moving, WEBHOOK_DISPATCHER, MOVE_SENDOUTS)
