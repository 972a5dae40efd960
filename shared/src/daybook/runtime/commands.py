"""What people asked of a service, done: claimed one by one, and safe to do again."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, Protocol

from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from daybook.client.tracing import InTrace
from daybook.runtime.mongo import Document, is_unavailable
from daybook.storage.commands import COMMANDS_TO_DO, CommandStatus

log = logging.getLogger(__name__)

_RENEWALS = 3
_LET_GO_WITHIN_S = 2.0
_FREE: Document = {
    "$or": [
        {"leased_until": {"$exists": False}},
        {"$expr": {"$lte": ["$leased_until", "$$NOW"]}},
    ]
}


class CannotBeDone(Exception):
    """What was asked for cannot be done; the text says why, and what to do."""


class Fenced(Exception):
    """Somebody else has taken the command over: it is theirs to end."""


class Deed(Protocol):
    """Does a command, however often; returns what to say of it."""

    async def __call__(self, command: Document) -> str | None: ...


class Commands:
    """Does the commands that name a service; any process of it may do any.

    ``long`` are kinds that are background tasks, under the command's own id. Of
    several workers of a service, each does the commands that match its ``only``: what
    takes hours holds nobody up who waits for seconds.
    """

    def __init__(
        self,
        commands: AsyncCollection[Document],
        service: str,
        deeds: Mapping[str, Deed],
        lease: timedelta,
        long: Collection[str] = (),
        only: Mapping[str, Any] | None = None,
    ) -> None:
        self._commands = commands
        self._service = service
        self._deeds = deeds
        self._long = frozenset(long)
        self._lease = lease
        self._only = dict(only or {})

    async def work(self) -> None:
        """Do what there is to do; where the database is away, the next time will do."""
        try:
            while (command := await self._claim()) is not None:
                await self._do(command)
        except PyMongoError as error:
            if not is_unavailable(error):
                raise
            log.warning("cannot work through commands: %s", str(error)[:200])

    async def _claim(self) -> Document | None:
        return await self._commands.find_one_and_update(
            {
                "service": self._service,
                "status": "ACCEPTED",
                **self._only,
                **_FREE,
            },
            [{"$set": {"claim": {"$add": ["$claim", 1]}, "leased_until": self._until}}],
            sort=[("created_at", 1)],
            hint=COMMANDS_TO_DO,
            return_document=ReturnDocument.AFTER,
        )

    @property
    def _until(self) -> dict[str, Any]:
        return {"$add": ["$$NOW", int(self._lease.total_seconds() * 1000)]}

    async def _do(self, command: Document) -> None:
        deed = self._deeds.get(command["kind"])
        status: CommandStatus = "DONE"
        message: str | None
        if deed is None:
            status, message = "FAILED", f"{command['kind']!r} is not known here"
        else:
            if command["kind"] in self._long:
                # The task that shows how far it is has the command's own id.
                told = {"$set": {"task_id": command["id"]}}
                await self._commands.update_one(claimed(command), told)
            renewing = asyncio.create_task(self._renew(command))
            try:
                with InTrace(command.get("traceparent")):
                    message = await deed(command)
            except CannotBeDone as error:
                status, message = "FAILED", str(error)
            except Fenced:
                log.warning("the command %s was taken over", command["_id"])
                return
            except asyncio.CancelledError:
                await self._let_go(command)
                raise
            finally:
                renewing.cancel()
        ended: Document = {
            "status": status,
            "message": {"$literal": message},
            "finished_at": "$$NOW",
        }
        # Unless somebody else has ended it meanwhile.
        mine = {**claimed(command), "status": "ACCEPTED"}
        await self._commands.update_one(mine, [{"$set": ended}])

    async def _let_go(self, command: Document) -> None:
        """As the process stops: another need not wait for the lease to run out."""
        try:
            async with asyncio.timeout(_LET_GO_WITHIN_S):
                await self._commands.update_one(
                    claimed(command), [{"$set": {"leased_until": "$$NOW"}}]
                )
        except (PyMongoError, TimeoutError) as error:
            log.warning("cannot let go of a command: %s", str(error)[:200])

    async def _renew(self, command: Document) -> None:
        """Keep a long one from being taken over."""
        while True:
            await asyncio.sleep(self._lease.total_seconds() / _RENEWALS)
            try:
                await self._commands.update_one(
                    claimed(command), [{"$set": {"leased_until": self._until}}]
                )
            except PyMongoError as error:
                log.warning("cannot renew a command's lease: %s", str(error)[:200])


def claimed(command: Document) -> Document:
    """What the command matches for as long as the claim on it is the caller's."""
    return {"_id": command["_id"], "claim": command["claim"]}
