"""All that there is of webhooks, for the API and the pages."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from daybook.runtime.clock import Clock, Stopwatch
from daybook.runtime.mongo import Document
from daybook.webhooks.addresses import AddressRules
from daybook.webhooks.sealing import Box
from pymongo.asynchronous.database import AsyncDatabase

from query.keys import Randomness
from query.webhooks.actions import Actions
from query.webhooks.commands import Commands
from query.webhooks.endpoint_repository import EndpointRepository
from query.webhooks.endpoints import Endpoints
from query.webhooks.sendouts import Sendouts
from query.webhooks.stats import EndpointStats


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Endpoints, what was sent to them, and what is asked of the dispatcher."""

    endpoints: Endpoints
    stats: EndpointStats
    sendouts: Sendouts
    actions: Actions
    commands: Commands


def webhooks_of(
    database: AsyncDatabase[Document],
    *,
    rules: AddressRules,
    box: Box | None,
    clock: Clock,
    stopwatch: Stopwatch,
    make_id: Callable[[], str],
    randomness: Randomness,
    patience: timedelta,
    budget: timedelta,
) -> Webhooks:
    """The parts over one database; it opens nothing."""
    stored = EndpointRepository(database)
    commands = Commands(database, clock, make_id, patience)
    endpoints = Endpoints(
        stored,
        commands,
        rules=rules,
        box=box,
        clock=clock,
        make_id=make_id,
        randomness=randomness,
    )
    sendouts = Sendouts(database, stored, clock, stopwatch, budget)
    return Webhooks(
        endpoints,
        EndpointStats(database, clock, stopwatch, budget),
        sendouts,
        Actions(endpoints, sendouts, commands, clock, make_id),
        commands,
    )
