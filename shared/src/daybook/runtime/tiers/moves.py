"""A project's stored documents follow it to another tier: a long command."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from daybook import Client
from daybook.client.tasks import Task
from daybook.runtime.clock import Clock, Stopwatch, monotonic, utc_now
from daybook.runtime.commands import CannotBeDone, Commands, Fenced, claimed
from daybook.runtime.mongo import DURABLE, Document
from daybook.runtime.tiers.pace import Pace
from daybook.runtime.tiers.settings import TierSettings
from daybook.runtime.tiers.walking import BATCH, Walking
from daybook.storage.collections import COMMANDS
from daybook.storage.commands import REPLACED, CommandKind
from daybook.storage.tier_walks import TierWalk

TASK_TYPE: Final = "PROJECT.MOVE_TIER"
LOOK_EVERY: Final = timedelta(seconds=1)
_LEASE: Final = timedelta(seconds=30)
FIRST, SECOND = "first", "second"


@dataclass(frozen=True, slots=True)
class Moving:
    """What a move works with.

    ``caught_up`` returns once all that the topics held at its call is stored.
    """

    database: AsyncDatabase[Document]
    walks: Sequence[TierWalk]
    settings: TierSettings
    caught_up: Callable[[], Awaitable[None]]
    client: Client
    clock: Clock = utc_now
    stopwatch: Stopwatch = monotonic
    batch: int = BATCH


def mover(moving: Moving, service: str, kind: CommandKind) -> Commands:
    """Who does a service's moves; on its own, since one may take hours."""
    return Commands(
        moving.database[COMMANDS],
        service,
        {kind: TierMoves(moving).move},
        _LEASE,
        long={kind},
        only={"kind": kind},
    )


class TierMoves:
    """Stamps all of a project's documents with the tier that the command names.

    Oldest first over all collections, so that none expires by the tier that it leaves
    while younger ones are stamped; then once more, when every process knows of the new
    tier and has stored what it had stamped before. A batch and how far the move is are
    one transaction, which the command's claim and status fence: a move that was taken
    over, or that another move of the project has replaced, stamps nothing more.
    """

    def __init__(self, moving: Moving) -> None:
        self._moving = moving
        settings = moving.settings
        self._tiers = settings.tier_durations()
        self._pace = Pace(settings.tier_moves_per_second, self._tiers)

    async def move(self, command: Document) -> str:
        """The deed; returns how many documents moved, as a sentence.

        Goes on where it was left; raises ``PyMongoError`` to be taken up again.
        """
        task = self._moving.client.task(
            TASK_TYPE,
            task_id=command["id"],
            run=command["claim"],
            project_id=command["project_id"],
        )
        task.begin()
        try:
            self._check(command)
            move = _Move(self._moving, self._pace, command, task)
            task.message = message = await move.run()
        except CannotBeDone as error:
            task.end(error)
            raise
        except BaseException:
            task.forget()  # it goes on elsewhere, or later, as another run
            raise
        task.end()
        return message

    def _check(self, command: Document) -> None:
        if (tier := command["parameters"]["tier"]) not in self._tiers:
            raise CannotBeDone(
                f"the tier {tier} is not among DAYBOOK_TIERS of {command['service']}: "
                "set it there as everywhere else, restart the service, and move the "
                "project again"
            )


class _Move:
    """One run of one move."""

    def __init__(
        self, moving: Moving, pace: Pace, command: Document, task: Task
    ) -> None:
        self._moving = moving
        self._pace = pace
        self._command = command
        self._task = task
        self._commands: AsyncCollection[Document] = moving.database[COMMANDS]
        self._tier: str = command["parameters"]["tier"]
        progress: Document = command.get("progress", {})
        self._moved: int = progress.get("moved", 0)
        self._sweep: str = progress.get("sweep", FIRST)
        self._at: dict[str, Any] = progress.get("at", {})
        task.advance(done=self._moved)

    async def run(self) -> str:
        if self._sweep == FIRST:
            await self._walk_all()
            await self._all_know()
            self._sweep, self._at = SECOND, {}
        await self._walk_all()
        documents = "1 document" if self._moved == 1 else f"{self._moved} documents"
        return f"{documents} moved to the tier {self._tier}"

    async def _all_know(self) -> None:
        """Until no document that a process stamped before it knew is still to come.

        Twice: who could not reach the database meanwhile has stored by the first time,
        and read the tiers anew by the second.
        """
        known_within = self._moving.settings.tiers_known_within
        for _ in range(2):
            await asyncio.sleep(known_within.total_seconds())
            await self._moving.caught_up()

    async def _walk_all(self) -> None:
        walks = [
            Walking(
                self._moving.database[walk.collection],
                walk,
                self._command["project_id"],
                self._at.get(walk.collection),
                self._moving.batch,
            )
            for walk in self._moving.walks
        ]
        try:
            for walking in walks:
                await walking.advance()
            while left := [walking for walking in walks if walking.batch]:
                oldest = min(left, key=lambda walking: walking.at_ms)
                await self._stamp_in_pace(oldest)
                await oldest.advance()
        finally:
            for walking in walks:
                await walking.close()

    async def _stamp_in_pace(self, walking: Walking) -> None:
        begun = self._moving.stopwatch()
        stale = [
            document
            for document in walking.batch
            if document.get("tier", self._tier) != self._tier
        ]
        self._at[walking.walk.collection] = walking.position
        stamped = await self._stamp(walking, [document["_id"] for document in stale])
        self._moved += stamped
        self._task.advance(done=stamped)
        seconds = self._pace.seconds(
            walking.walk, stale, len(walking.batch), self._moving.clock()
        )
        await asyncio.sleep(max(0.0, begun + seconds - self._moving.stopwatch()))

    async def _stamp(self, walking: Walking, ids: list[Any]) -> int:
        """Stamp these and note how far the move is, both or neither; how many."""
        chosen = {
            "project_id": self._command["project_id"],
            "_id": {"$in": ids},
            "tier": {"$exists": True, "$ne": self._tier},
        }
        stamp = {"$set": {"tier": self._tier}}

        async def write(session: AsyncClientSession) -> int:
            result = await walking.collection.update_many(
                chosen, stamp, session=session
            )
            await self._note(result.modified_count, session)
            return result.modified_count

        if not ids:
            await self._note(0, None)
            return 0
        async with self._moving.database.client.start_session() as session:
            return await session.with_transaction(write, write_concern=DURABLE)

    async def _note(self, stamped: int, session: AsyncClientSession | None) -> None:
        noted: Document = {
            "moved": self._moved + stamped,
            "sweep": self._sweep,
            "at": self._at,
        }
        mine = claimed(self._command)
        result = await self._commands.update_one(
            {**mine, "status": "ACCEPTED"},
            {"$set": {"progress": noted}},
            session=session,
        )
        if result.matched_count:
            return
        if await self._commands.find_one(mine, {"_id": 1}, session=session):
            raise CannotBeDone(REPLACED)
        raise Fenced
