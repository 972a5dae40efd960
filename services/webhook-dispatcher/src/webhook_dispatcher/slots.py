"""Whose work an endpoint's is: slots, leased, each lease with a fencing number.

Only the owner of an endpoint's slot delivers to it, so that caps, rates and circuits
are one process's decisions. Lease times are the database's own.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from math import ceil

from daybook.runtime.clock import Stopwatch, monotonic
from daybook.runtime.mongo import Document
from daybook.storage.times import EPOCH
from daybook.storage.webhook_endpoints import SLOTS, slot_of
from pymongo import ReturnDocument, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection

_LIVE = {"$expr": {"$gt": ["$leased_until", "$$NOW"]}}
_FREE = {"$expr": {"$lte": ["$leased_until", "$$NOW"]}}


class Slots:
    """The slots that this process owns, and the fencing number of each.

    ``owner`` names the process, differently at each start. A process that renews
    nothing for as long as a lease owns nothing any more, whatever it believes: what it
    writes names the fencing number of its lease, and is dropped where that has moved.

    A slot's document has its number as ``_id``; a process's, its owner's name: that is
    how one that owns nothing yet is counted.
    """

    def __init__(
        self,
        slots: AsyncCollection[Document],
        owner: str,
        lease: timedelta,
        stopwatch: Stopwatch = monotonic,
    ) -> None:
        self._slots = slots
        self._stopwatch = stopwatch
        self._lease_s = lease.total_seconds()
        self._renewed_at = stopwatch()
        self._owner = owner
        self._until = {"$add": ["$$NOW", int(lease.total_seconds() * 1000)]}
        self._mine: dict[int, int] = {}

    @property
    def mine(self) -> Mapping[int, int]:
        """Slot → fencing number, as of the latest :meth:`balance`.

        None once that is a lease ago: others may own them by now.
        """
        if self._stopwatch() - self._renewed_at >= self._lease_s:
            return {}
        return self._mine

    async def prepare(self) -> None:
        """Make the slots that are missing, free; before the first balance."""
        free = {"$setOnInsert": {"owner": None, "fence": 0, "leased_until": EPOCH}}
        await self._slots.bulk_write(
            [UpdateOne({"_id": slot}, free, upsert=True) for slot in range(SLOTS)],
            ordered=False,
        )

    async def balance(self) -> Mapping[int, int]:
        """Renew what is owned, take a fair share of what is free, let go of more.

        Call it several times a lease. With *n* processes each ends with 64/*n* slots,
        rounded up at most; a slot is never owned twice. Raises ``PyMongoError``.
        """
        asked_at = self._stopwatch()
        await self._renew()
        self._renewed_at = asked_at
        share, free = await self._share()
        await self.release(sorted(self._mine)[share:])
        for slot in free[: max(0, share - len(self._mine))]:
            await self._take(slot)
        return self.mine

    async def _renew(self) -> None:
        renewed = [{"$set": {"leased_until": self._until}}]
        await self._slots.update_one({"_id": self._owner}, renewed, upsert=True)
        # A lease that ran out is nobody's: it is taken anew, or was lost.
        owned = {"owner": self._owner, **_LIVE}
        await self._slots.update_many(owned, renewed)
        held = self._slots.find(owned, {"fence": 1})
        self._mine = {slot["_id"]: slot["fence"] async for slot in held}

    async def _share(self) -> tuple[int, list[int]]:
        """How many slots are fair, and which are free."""
        processes = 0
        taken: set[int] = set()
        async for lease in self._slots.find(_LIVE, {"owner": 1}):
            if "owner" in lease:
                taken.add(lease["_id"])
            else:
                processes += 1
        free = [slot for slot in range(SLOTS) if slot not in taken]
        return ceil(SLOTS / max(processes, 1)), free

    async def _take(self, slot: int) -> None:
        """Lease one slot, if it is still free; its fencing number is raised."""
        taken: Document = {
            "owner": self._owner,
            "fence": {"$add": ["$fence", 1]},
            "leased_until": self._until,
        }
        found = await self._slots.find_one_and_update(
            {"_id": slot, **_FREE},
            [{"$set": taken}],
            return_document=ReturnDocument.AFTER,
        )
        if found is not None:  # else somebody was faster
            self._mine[slot] = found["fence"]

    async def release(self, slots: Sequence[int]) -> None:
        """Let go of slots at once, for others to take."""
        if slots:
            await self._slots.update_many(
                {"_id": {"$in": list(slots)}, "owner": self._owner},
                [{"$set": {"leased_until": "$$NOW"}}],
            )
        for slot in slots:
            self._mine.pop(slot, None)

    def divide(self, keys: Iterable[str]) -> tuple[set[str], set[str]]:
        """Those of these endpoints that are this process's, and those of others."""
        mine = self.mine
        asked = set(keys)
        ours = {key for key in asked if slot_of(key) in mine}
        return ours, asked - ours

    async def mark(self, keys: Iterable[str]) -> None:
        """Tell the owners of these endpoints that there is work for them."""
        marks: dict[int, list[str]] = {}
        for key in keys:
            marks.setdefault(slot_of(key), []).append(key)
        if marks:
            await self._slots.bulk_write(
                [
                    UpdateOne({"_id": slot}, {"$addToSet": {"marks": {"$each": mine}}})
                    for slot, mine in marks.items()
                ],
                ordered=False,
            )

    async def marked(self) -> set[str]:
        """The endpoints that this process was told of since it last asked."""
        found: set[str] = set()
        mine = {"owner": self._owner, "marks": {"$exists": True}}
        told = [slot["_id"] async for slot in self._slots.find(mine, {"_id": 1})]
        for slot in told:
            taken = await self._slots.find_one_and_update(
                {"_id": slot, "owner": self._owner}, {"$unset": {"marks": 1}}
            )
            found.update((taken or {}).get("marks", ()))
        return found

    async def leave(self) -> None:
        """Let go of everything, at the end."""
        await self.release(list(self._mine))
        await self._slots.delete_one({"_id": self._owner})
