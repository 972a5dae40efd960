"""Waiting for a database or a storage that is away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

from daybook.runtime.backoff import backoff
from daybook.runtime.mongo import is_unavailable
from pymongo.errors import OperationFailure, PyMongoError

log = logging.getLogger(__name__)

T = TypeVar("T")
# A cursor that the server has forgotten, or that was killed: another takes its place.
_CURSOR_CODES = frozenset({43, 175, 237})


class Pauses:
    """Pauses that become longer."""

    def __init__(self, random: Random) -> None:
        self._gaps = backoff(random)

    async def next(self) -> None:
        await asyncio.sleep(next(self._gaps))


def may_go_on(error: PyMongoError) -> bool:
    """Whether a read that broke off may be taken up again."""
    if isinstance(error, OperationFailure) and error.code in _CURSOR_CODES:
        return True
    return is_unavailable(error)


async def until_there(work: Callable[[], Awaitable[T]], random: Random) -> T:
    """The result of what is safe to repeat, however long the database is away."""
    pauses = Pauses(random)
    while True:
        try:
            return await work()
        except PyMongoError as error:
            if not is_unavailable(error):
                raise
            log.warning("the database is waited for: %s", str(error)[:200])
        await pauses.next()
