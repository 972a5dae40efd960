"""Commands: stored before they are answered, and waited for a little while."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from daybook.client import current_traceparent
from daybook.runtime.clock import Clock
from daybook.runtime.mongo import Document, durable, is_unavailable
from daybook.storage.collections import COMMANDS
from daybook.storage.commands import CommandKind, command_document, ensure_commands
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from query.reads import SILENCE_SECONDS

# What is done within this time is answered as done.
PATIENCE: Final = timedelta(seconds=2)
# One document by its id, seldom asked for by anybody: a dispatcher takes some 100 ms.
_FIRST_POLL_S, _LONGEST_POLL_S = 0.02, 0.2


class NoSuchCommand(LookupError):
    """There is no command of that id in the project, or it has expired."""


class Commands:
    """Gives commands to other services, and follows them.

    All raise TimeoutError when the database is silent.
    """

    def __init__(
        self,
        database: AsyncDatabase[Document],
        clock: Clock,
        make_id: Callable[[], str],
        patience: timedelta,
    ) -> None:
        self._commands = durable(database)[COMMANDS]
        self._clock = clock
        self._make_id = make_id
        self._patience = patience
        self._prepared = False

    async def prepare(self) -> None:
        """Make sure of the collection's indexes, once a process."""
        if not self._prepared:
            async with asyncio.timeout(SILENCE_SECONDS):
                await ensure_commands(self._commands)
            self._prepared = True

    def draft(
        self, project_id: str, kind: CommandKind, parameters: Mapping[str, Any]
    ) -> Document:
        """A command for the service that its kind names, not stored yet."""
        command_id = f"cmd_{self._make_id()}"
        trace = current_traceparent()
        made = command_document(project_id, command_id, kind, parameters, self._clock())
        return made if trace is None else {**made, "traceparent": trace}

    async def store(
        self, project_id: str, kind: CommandKind, parameters: Mapping[str, Any]
    ) -> Document:
        """Store a command, which is carried out whenever its service can."""
        await self.prepare()
        command = self.draft(project_id, kind, parameters)
        async with asyncio.timeout(SILENCE_SECONDS):
            await self._commands.insert_one(command)
        return command

    async def give(
        self, project_id: str, kind: CommandKind, parameters: Mapping[str, Any]
    ) -> Document:
        """Store a command and wait for it a little; as it is then.

        It may be ACCEPTED still: it is carried out all the same.
        """
        return await self._awaited(await self.store(project_id, kind, parameters))

    async def get(self, project_id: str, command_id: str) -> Document:
        """One command; raises :class:`NoSuchCommand`."""
        async with asyncio.timeout(SILENCE_SECONDS):
            found = await self._commands.find_one({"_id": f"{project_id}/{command_id}"})
        if found is None:
            raise NoSuchCommand
        return found

    async def _awaited(self, command: Document) -> Document:
        pause = _FIRST_POLL_S
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                # What has a task is followed there.
                while command["status"] == "ACCEPTED" and not command.get("task_id"):
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_POLL_S)
                    found = await self._commands.find_one({"_id": command["_id"]})
                    command = found or command
        except TimeoutError:
            pass
        except PyMongoError as error:
            # It is stored: that it cannot be followed is no failure of it.
            if not is_unavailable(error):
                raise
        return command
