"""Sendouts that are sent again because a person asked for it."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from daybook.runtime.mongo import Document
from daybook.storage.sendouts import Trigger
from pymongo.asynchronous.collection import AsyncCollection

# Caps one write, and what a crash in between has to do again.
AT_ONCE = 1_000


class Reopening:
    """Makes settled sendouts due now. All raise ``PyMongoError``."""

    def __init__(self, sendouts: AsyncCollection[Document]) -> None:
        self._sendouts = sendouts

    async def again(
        self, chosen: Mapping[str, Any], *, trigger: Trigger, command_id: str
    ) -> AsyncIterator[tuple[int, set[str]]]:
        """Begin the schedule of each sendout anew; how many, and whose, part by part.

        What one command has reopened it does not reopen again, and what is being sent
        at the moment is left to itself.
        """
        free: Document = {
            "$and": [
                dict(chosen),
                {"command_id": {"$ne": command_id}},
                {
                    "$or": [
                        {"claimed_by": {"$exists": False}},
                        {"$expr": {"$lte": ["$next_attempt_at", "$$NOW"]}},
                    ]
                },
            ]
        }
        while True:
            some = await self._sendouts.find(
                free, {"project_id": 1, "endpoint_id": 1}, limit=AT_ONCE
            ).to_list()
            if not some:
                return
            ids = [one["_id"] for one in some]
            result = await self._sendouts.update_many(
                {"_id": {"$in": ids}, **free},
                [{"$set": _reopened(trigger, command_id)}],
            )
            keys = {f"{one['project_id']}/{one['endpoint_id']}" for one in some}
            yield result.modified_count, keys


def _reopened(trigger: Trigger, command_id: str) -> Document:
    tried = {"$gt": ["$attempts", 0]}
    return {
        "status": {"$cond": [tried, "RETRYING", "SCHEDULED"]},
        "failed": {"$cond": [tried, True, "$$REMOVE"]},
        "waiting": True,
        "next_attempt_at": "$$NOW",
        "tries": 0,
        "claim": {"$add": ["$claim", 1]},
        "claimed_by": "$$REMOVE",
        "settled_at": "$$REMOVE",
        "trigger": trigger,
        "command_id": command_id,
    }
