"""Several things of one project, looked at together about once a second."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from daybook.runtime.mongo import Document, is_unavailable
from daybook.storage.collections import EXPORTS, TASKS
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from query.auth import Unauthorized
from query.exports.shapes import ENDED
from query.reads import SILENCE_SECONDS
from query.tasks.shapes import FINISHED
from query.tasks.watching import Pace

# What a page shows at once, and the detail beside it.
MOST_WATCHED = 51


@dataclass(frozen=True, slots=True)
class Watched:
    """What is looked at: its collection, what no page shows of it, its last states."""

    collection: str
    hidden: tuple[str, ...]
    finished: Collection[str]


WATCHED_TASKS = Watched(TASKS, ("fold", "refs", "message"), FINISHED)
WATCHED_EXPORTS = Watched(EXPORTS, ("parts", "keys", "cursor"), ENDED)


class Live:
    """Those who look at pages of tasks by this process, at most ``most`` at a time.

    ``stopping`` ends them all, so that a shutdown does not wait for tasks. Other things
    than tasks are looked at alike.
    """

    def __init__(
        self,
        database: AsyncDatabase[Document],
        stopping: asyncio.Event,
        *,
        most: int,
        pace: Pace,
        watched: Watched = WATCHED_TASKS,
    ) -> None:
        self._things = database[watched.collection]
        self._shown = dict.fromkeys(watched.hidden, 0)
        self._finished = frozenset(watched.finished)
        self._stopping = stopping
        self._most = most
        self._pace = pace
        self._count = 0

    @property
    def full(self) -> bool:
        """Whether somebody has to leave before another can look."""
        return self._count >= self._most

    async def looks(
        self,
        project_id: str,
        task_ids: Sequence[str],
        allowed: Callable[[], Awaitable[object]],
    ) -> AsyncIterator[list[Document]]:
        """The tasks of those ids that there are, now and once a poll.

        The last look is the one at which all have finished. A database that is away is
        waited for, with empty looks. ``allowed`` raises Unauthorized once the watcher
        may no longer see them, which ends it, as a shutdown and a full house do.
        """
        if self.full:
            return
        self._count += 1
        try:
            while True:
                found = await self._read(project_id, task_ids)
                yield found or []
                if found is not None and self._all_finished(found):
                    return
                if await self._stopped():
                    return
                await allowed()
        except Unauthorized:
            return
        finally:
            self._count -= 1

    async def _stopped(self) -> bool:
        try:
            async with asyncio.timeout(self._pace.poll.total_seconds()):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True

    async def _read(
        self, project_id: str, task_ids: Sequence[str]
    ) -> list[Document] | None:
        named = {"_id": {"$in": [f"{project_id}/{task_id}" for task_id in task_ids]}}
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                return await self._things.find(named, self._shown).to_list()
        except TimeoutError:
            return None
        except PyMongoError as error:
            if not is_unavailable(error):
                raise
            return None

    def _all_finished(self, things: Sequence[Document]) -> bool:
        return all(thing["status"] in self._finished for thing in things)
