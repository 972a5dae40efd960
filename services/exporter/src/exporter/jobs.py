"""Whose work an export is: claims under a lease, and how many run at once.

Lease times are the database's own. A claim raises the export's claim number, and every
later write names it: who woke up late writes nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from daybook.runtime.mongo import Document
from daybook.storage.exports import EXPORTS_TO_RUN
from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

# More that wait call for no more processes than these do.
_MOST_COUNTED = 10_000
# The one document of the slots' collection: all that runs, in any process.
_RUNNING = "running"
_FREE: Document = {
    "waiting": True,
    "status": {"$in": ["SCHEDULED", "IN_PROGRESS"]},
    "deleted_at": {"$exists": False},
    "$or": [
        {"leased_until": {"$exists": False}},
        {"$expr": {"$lte": ["$leased_until", "$$NOW"]}},
    ],
}
_LEASE = ("leased_until", "claimed_by")
# What goes with every end: it is to be told, and swept up after.
ENDED: Document = {
    "finished_at": "$$NOW",
    "updated_at": "$$NOW",
    "announced": False,
    "unannounced": True,
    "unswept": True,
}


class Fenced(Exception):
    """The export is no longer this claim's: taken over, cancelled or deleted."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many exports run at once: in all processes together, and of one project."""

    at_once: int
    of_a_project: int


class Jobs:
    """Claims, renewals and fenced writes.

    ``exports`` and ``slots`` answer once a majority has journaled a write. ``owner``
    names the process, differently at each start. All raise ``PyMongoError`` where the
    database is away; each may be repeated.

    The limits hold exactly: who wants to run an export first enters it into the one
    document that lists all that run, by one update that refuses what is over a limit.
    An entry ends with its lease.
    """

    def __init__(
        self,
        exports: AsyncCollection[Document],
        slots: AsyncCollection[Document],
        owner: str,
        lease: timedelta,
        limits: Limits,
    ) -> None:
        self._exports = exports
        self._slots = slots
        self._owner = owner
        self._limits = limits
        self._until = {"$add": ["$$NOW", int(lease.total_seconds() * 1000)]}

    async def take(self) -> Document | None:
        """Claim the export whose turn it is; None: there is none, or no room.

        The oldest of the projects that have nothing running comes first, then the
        oldest of those with room: a backlog of one delays no other.
        """
        running = await self._running()
        if len(running) >= self._limits.at_once:
            return None
        projects = [one["project_id"] for one in running]
        exports = [one["export"] for one in running]
        full = {
            one for one in projects if projects.count(one) >= self._limits.of_a_project
        }
        for others in (set(projects), full):
            found = await self._oldest(others, exports)
            if found is not None:
                return await self._claim(found)
        return None

    async def count(self) -> dict[str, int]:
        """How many exports of all processes wait to be run, and how many run."""
        waiting = await self._exports.count_documents(
            _FREE, limit=_MOST_COUNTED, hint=EXPORTS_TO_RUN
        )
        return {"waiting": waiting, "running": len(await self._running())}

    async def renew(self, export: Document) -> None:
        """Keep the lease and the place among those that run.

        Raises :class:`Fenced` where the export is no longer this claim's, or where the
        lease was over and others have the room by now.
        """
        await self.update(export, {"leased_until": self._until})
        if not await self._enter(export):
            await self.let_go(export)
            raise Fenced

    async def update(
        self,
        export: Document,
        changes: Mapping[str, Any],
        remove: Collection[str] = (),
    ) -> None:
        """Set and remove fields under the claim; :class:`Fenced` where it is over.

        ``changes`` are expressions of a pipeline: plain values stand in ``$literal``.
        """
        written = await self._exports.update_one(
            claimed(export),
            [{"$set": {**changes, **dict.fromkeys(remove, "$$REMOVE")}}],
        )
        if written.matched_count == 0:
            raise Fenced

    async def put_part(
        self, export: Document, number: int, part: Document, changes: Document
    ) -> None:
        """List a part, and set what goes with it; :class:`Fenced` as above."""
        written = await self._exports.update_one(
            claimed(export),
            {
                # By its place: a repeat lists it once.
                "$set": {f"parts.{number}": part, **changes},
                "$currentDate": {"updated_at": True},
            },
        )
        if written.matched_count == 0:
            raise Fenced

    async def end(self, export: Document, changes: Mapping[str, Any]) -> None:
        """Set DONE or ERROR, with all that goes with it; :class:`Fenced` as above.

        Safe to repeat: where this claim has ended the export before, that is said.
        """
        ended = {**changes, **ENDED, "ended_by": export["claim"]}
        try:
            await self.update(
                export, ended, remove=("waiting", "cursor", "keys", *_LEASE)
            )
        except Fenced:
            key = {"_id": export["_id"], "ended_by": export["claim"]}
            if await self._exports.find_one(key, {"_id": 1}) is None:
                raise
        await self.leave(export)

    async def let_go(self, export: Document) -> None:
        """Give the export up as it is, for another to go on with at once."""
        await self._exports.update_one(
            claimed(export), {"$unset": dict.fromkeys(_LEASE, 1)}
        )
        await self.leave(export)

    async def _oldest(
        self, not_of: Collection[str], not_these: Collection[str]
    ) -> Document | None:
        return await self._exports.find_one(
            {
                **_FREE,
                "project_id": {"$nin": list(not_of)},
                "_id": {"$nin": list(not_these)},
            },
            {"project_id": 1, "claim": 1},
            sort=[("created_at", 1)],
            hint=EXPORTS_TO_RUN,
        )

    async def _claim(self, found: Document) -> Document | None:
        export = {**found, "claim": found["claim"] + 1}
        if not await self._enter(export):
            return None
        claimed_now: Document = {
            "claim": export["claim"],
            "claimed_by": self._owner,
            "leased_until": self._until,
            "started_at": {"$ifNull": ["$started_at", "$$NOW"]},
            "updated_at": "$$NOW",
            "status": "IN_PROGRESS",
        }
        taken = await self._exports.find_one_and_update(
            {"_id": found["_id"], "claim": found["claim"], **_FREE},
            [{"$set": claimed_now}],
            return_document=ReturnDocument.AFTER,
        )
        if taken is None:  # somebody was faster
            await self.leave(export)
        return taken

    async def _running(self) -> list[Document]:
        found = await self._slots.aggregate(
            [{"$match": {"_id": _RUNNING}}, {"$project": {"running": _LIVE}}]
        )
        documents = await found.to_list()
        return documents[0]["running"] if documents else []

    async def _enter(self, export: Document) -> bool:
        """Renew the entry, or make it if there is room; whether it is there now."""
        key = _entry_key(export, self._owner)
        others: Document = {
            "$filter": {"input": _LIVE, "cond": {"$ne": ["$$this.key", key]}}
        }
        same_project: Document = {
            "$filter": {
                "input": "$$others",
                "cond": {"$eq": ["$$this.project_id", export["project_id"]]},
            }
        }
        mine: Document = {
            "key": key,
            "export": export["_id"],
            "project_id": export["project_id"],
            "until": self._until,
        }
        room: Document = {
            "$or": [
                {"$in": [key, {"$map": {"input": _LIVE, "in": "$$this.key"}}]},
                {
                    "$and": [
                        {"$lt": [{"$size": "$$others"}, self._limits.at_once]},
                        {"$lt": [{"$size": same_project}, self._limits.of_a_project]},
                        {
                            "$not": {
                                "$in": [
                                    export["_id"],
                                    {"$map": {"input": "$$others", "in": _EXPORT}},
                                ]
                            }
                        },
                    ]
                },
            ]
        }
        entered: Document = {
            "$let": {
                "vars": {"others": others},
                "in": {"$cond": [room, {"$concatArrays": ["$$others", [mine]]}, _LIVE]},
            }
        }
        for last_try in (False, True):
            try:
                after = await self._slots.find_one_and_update(
                    {"_id": _RUNNING},
                    [{"$set": {"running": entered}}],
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                )
            except DuplicateKeyError:  # two made the first document at once
                if last_try:
                    raise
            else:
                return any(one["key"] == key for one in (after or {})["running"])
        return False

    async def leave(self, export: Document) -> None:
        """Make room: the export is no longer this claim's."""
        gone = {"running": {"key": _entry_key(export, self._owner)}}
        await self._slots.update_one({"_id": _RUNNING}, {"$pull": gone})


_EXPORT = "$$this.export"
_LIVE: Document = {
    "$filter": {
        "input": {"$ifNull": ["$running", []]},
        "cond": {"$gt": ["$$this.until", "$$NOW"]},
    }
}


def claimed(export: Document) -> Document:
    """What every write of a runner names."""
    return {
        "_id": export["_id"],
        "claim": export["claim"],
        "status": "IN_PROGRESS",
        "deleted_at": {"$exists": False},
    }


def _entry_key(export: Document, owner: str) -> str:
    return f"{owner}/{export['_id']}/{export['claim']}"
