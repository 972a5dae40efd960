"""One run of one move of a project's documents to another tier."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from daybook import Client
from daybook.runtime.clock import Clock, Stopwatch, monotonic, utc_now
from daybook.runtime.commands import CannotBeDone, Fenced, claimed
from daybook.runtime.ending import end
from daybook.runtime.mongo import DURABLE, Document, is_unavailable
from daybook.runtime.tiers.pace import Frontier, Pace
from daybook.runtime.tiers.settings import TierSettings
from daybook.runtime.tiers.walking import Walking
from daybook.storage.collections import COMMANDS
from daybook.storage.commands import REPLACED
from daybook.storage.tier_walks import TierWalk
from daybook.storage.times import FURTHEST_AHEAD_MS

log = logging.getLogger(__name__)

FIRST, SECOND = "first", "second"
# An event may be that much ahead of the broker's clock, and a clock ahead of another.
_AHEAD: Final = 2 * timedelta(milliseconds=FURTHEST_AHEAD_MS)
_LOOK_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Moving:
    """What moves work with.

    ``caught_up`` returns once all that the topics held at its call is stored;
    ``at_once`` replaces what the walks say of it.
    """

    database: AsyncDatabase[Document]
    walks: Sequence[TierWalk]
    settings: TierSettings
    caught_up: Callable[[], Awaitable[None]]
    client: Client
    clock: Clock = utc_now
    stopwatch: Stopwatch = monotonic
    at_once: int | None = None


class Move:
    """Walks all collections twice, and stamps what has another tier.

    A batch and how far the move is are one transaction, which the command's claim and
    status fence: a run that was taken over, or whose move another one of the project
    has replaced, stamps nothing more, whenever it wakes up.
    """

    def __init__(
        self,
        moving: Moving,
        database: AsyncDatabase[Document],
        session: AsyncClientSession,
        command: Document,
        pace: Pace,
        frontier: Frontier,
        tell: Callable[[int], None],
    ) -> None:
        self._moving = moving
        self._database = database
        self._session = session
        self._command = command
        self._pace = pace
        self._frontier = frontier
        self._tell = tell
        self._tier: str = command["parameters"]["tier"]
        progress: Document = command.get("progress", {})
        self._former_session: Any = progress.get("session")
        self._moved: int = progress.get("moved", 0)
        self._sweep: str = progress.get("sweep", FIRST)
        self._until: datetime = progress.get("until") or moving.clock() + _AHEAD
        self._at: dict[str, Any] = progress.get("at", {})
        # The collections' batches are one session's, one after the other.
        self._turn = asyncio.Lock()

    async def run(self) -> int:
        """How many documents this move has stamped, in all its runs."""
        await self._end_former()
        await self._note(0)
        self._tell(self._moved)
        if self._sweep == FIRST:
            await self._walk_all()
            await self._all_know()
            self._sweep, self._at = SECOND, {}
            self._until = self._moving.clock() + _AHEAD
        await self._walk_all()
        await self._note(0)
        return self._moved

    async def _end_former(self) -> None:
        """Free what a run that died holds: its documents are locked for a minute."""
        if self._former_session is None:
            return
        try:
            await self._database.client.admin.command(
                "killSessions", [{"id": self._former_session}]
            )
        except PyMongoError as error:
            if is_unavailable(error):
                raise
            log.warning("cannot end the session of a former run: %s", str(error)[:200])

    async def _all_know(self) -> None:
        """Until no document that a process stamped before it knew is still to come."""
        waiting = asyncio.create_task(self._wait_until_all_know())
        try:
            while not waiting.done():
                await self._note(0)  # who was replaced need not wait
                await asyncio.wait([waiting], timeout=_LOOK_EVERY_S)
            waiting.result()
        finally:
            await end([waiting])

    async def _wait_until_all_know(self) -> None:
        # Twice: who could not reach the database meanwhile has stored by the first
        # time, and read the tiers anew by the second.
        for _ in range(2):
            await asyncio.sleep(
                self._moving.settings.tiers_known_within.total_seconds()
            )
            await self._moving.caught_up()

    async def _walk_all(self) -> None:
        walks = [asyncio.create_task(self._walk(walk)) for walk in self._moving.walks]
        try:
            await asyncio.gather(*walks)
        finally:
            await end(walks)

    async def _walk(self, walk: TierWalk) -> None:
        walking = Walking(
            self._database[walk.collection],
            walk,
            self._command["project_id"],
            position=self._at.get(walk.collection),
            until=self._until,
            at_once=self._moving.at_once or walk.at_once,
        )
        try:
            while await walking.advance():
                stale = [
                    document
                    for document in walking.batch
                    if document.get("tier", self._tier) != self._tier
                ]
                await self._stamp(walking, stale)
                self._frontier.saw(document["tier"] for document in stale)
                now = self._moving.clock()
                if not self._frontier.is_near(walking.oldest_ms, now):
                    read = len(walking.batch) - len(stale)
                    await self._pace.hold_back(len(stale), read)
        finally:
            await walking.close()

    async def _stamp(self, walking: Walking, stale: list[Document]) -> None:
        """Stamp these and note how far the move is, both or neither."""
        chosen = {
            "project_id": self._command["project_id"],
            "_id": {"$in": [document["_id"] for document in stale]},
            "tier": {"$exists": True, "$ne": self._tier},
        }
        stamp = {"$set": {"tier": self._tier}}

        async def write(session: AsyncClientSession) -> int:
            # The note first: who is fenced locks no document.
            await self._note(len(stale), session)
            result = await walking.collection.update_many(
                chosen, stamp, session=session
            )
            return result.modified_count

        async with self._turn:
            self._at[walking.walk.collection] = walking.position
            if not stale:
                await self._note(0)
                return
            stamped = await self._session.with_transaction(write, write_concern=DURABLE)
            self._moved += stamped
        self._tell(stamped)

    async def _note(
        self, stamped: int, session: AsyncClientSession | None = None
    ) -> None:
        noted: Document = {
            "moved": self._moved + stamped,
            "sweep": self._sweep,
            "until": self._until,
            "at": self._at,
            "session": self._session.session_id["id"],
        }
        mine = claimed(self._command)
        result = await self._database[COMMANDS].update_one(
            {**mine, "status": "ACCEPTED"},
            {"$set": {"progress": noted}},
            session=session,
        )
        if result.matched_count:
            return
        if await self._database[COMMANDS].find_one(mine, {"_id": 1}, session=session):
            raise CannotBeDone(REPLACED)
        raise Fenced
