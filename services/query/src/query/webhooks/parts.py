"""All that there is of webhooks, for the API and the pages."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from daybook.runtime.clock import Clock
from daybook.runtime.mongo import Document
from daybook.webhooks.addresses import AddressRules
from daybook.webhooks.sealing import Box
from pymongo.asynchronous.database import AsyncDatabase

from query.keys import Randomness
from query.webhooks.commands import Commands
from query.webhooks.endpoint_repository import EndpointRepository
from query.webhooks.endpoints import Endpoints


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Endpoints, and what is asked of the dispatcher."""

    endpoints: Endpoints
    commands: Commands


def webhooks_of(
    database: AsyncDatabase[Document],
    *,
    rules: AddressRules,
    box: Box | None,
    clock: Clock,
    make_id: Callable[[], str],
    randomness: Randomness,
    patience: timedelta,
) -> Webhooks:
    """The parts over one database; it opens nothing."""
    commands = Commands(database, clock, make_id, patience)
    endpoints = Endpoints(
        EndpointRepository(database),
        commands,
        rules=rules,
        box=box,
        clock=clock,
        make_id=make_id,
        randomness=randomness,
    )
    return Webhooks(endpoints, commands)
