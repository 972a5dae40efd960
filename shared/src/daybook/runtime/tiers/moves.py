"""A project's stored documents follow it to another tier: a long command."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final

from pymongo import ReadPreference
from pymongo.errors import PyMongoError

from daybook.runtime.commands import CannotBeDone, Commands
from daybook.runtime.mongo import Document, is_unavailable
from daybook.runtime.tiers.move import Move, Moving
from daybook.runtime.tiers.pace import Frontier, Pace
from daybook.storage.collections import COMMANDS
from daybook.storage.commands import CommandKind

TASK_TYPE: Final = "PROJECT.MOVE_TIER"
# Projects that a process moves side by side: one that waits for another may lose what
# expires meanwhile.
AT_ONCE: Final = 8
_LOOK_EVERY: Final = timedelta(seconds=1)
_LEASE: Final = timedelta(seconds=30)

Work = Callable[[], Awaitable[None]]


def movers(moving: Moving, service: str, kind: CommandKind) -> Mapping[Work, timedelta]:
    """Who does a service's moves, and how often each looks for one; side by side, and
    apart from what people wait for, since one may take hours."""
    deeds = {kind: TierMoves(moving).move}
    stored = moving.database[COMMANDS]
    return {
        Commands(
            stored, service, deeds, _LEASE, long={kind}, only={"kind": kind}
        ).work: _LOOK_EVERY
        for _ in range(AT_ONCE)
    }


class TierMoves:
    """Stamps all of a project's documents with the tier that the command names.

    Each collection oldest first, so that none expires by a tier that it leaves while
    younger ones are stamped; then once more, when every process knows of the new tier
    and has stored what it had stamped before.
    """

    def __init__(self, moving: Moving) -> None:
        self._moving = moving
        self._tiers = moving.settings.tier_durations()
        # A secondary may not have what was just stored.
        self._database = moving.database.with_options(
            read_preference=ReadPreference.PRIMARY
        )
        self._pace = Pace(moving.settings.tier_moves_per_second, moving.stopwatch)

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
            moved = await self._moved(command, lambda more: task.advance(done=more))
        except CannotBeDone as error:
            task.end(error)
            raise
        except BaseException:
            task.forget()  # it goes on elsewhere, or later, as another run
            raise
        documents = "1 document" if moved == 1 else f"{moved} documents"
        tier = command["parameters"]["tier"]
        task.message = f"{documents} moved to the tier {tier}"
        task.end()
        return task.message

    async def _moved(self, command: Document, tell: Callable[[int], None]) -> int:
        tier: str = command["parameters"]["tier"]
        if tier not in self._tiers:
            raise CannotBeDone(
                f"the tier {tier} is not among DAYBOOK_TIERS of {command['service']}: "
                "set it there as everywhere else, restart the service, and move the "
                "project again"
            )
        frontier = Frontier(self._tiers, command["parameters"].get("former"), tier)
        try:
            async with self._database.client.start_session() as session:
                move = Move(
                    self._moving,
                    self._database,
                    session,
                    command,
                    self._pace,
                    frontier,
                    tell,
                )
                return await move.run()
        except PyMongoError as error:
            if is_unavailable(error):
                raise
            said = " ".join(str(error).partition(", full error")[0].split())
            raise CannotBeDone(
                f"the database refuses: {said}. Mend what `daybook admin init --check` "
                "finds, and move the project again"
            ) from error
