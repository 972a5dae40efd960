"""The dispatcher's queries: sendouts stored, each once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from daybook.runtime.mongo import Document, is_unavailable_code
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError, WriteConcernError

DUPLICATE_KEY = 11000


@dataclass(frozen=True, slots=True)
class Made:
    """What became of the sendouts of one batch."""

    made: int
    known: int
    refused: Sequence[tuple[int, str]]
    """Index and reason of those that the database will never take."""
    left: frozenset[int] = frozenset()
    """Indexes of those that were not made: known, or refused."""


class SendoutRepository:
    """Writes sendouts. ``sendouts`` answers once a majority has journaled a write."""

    def __init__(self, sendouts: AsyncCollection[Document]) -> None:
        self._sendouts = sendouts

    async def make(self, documents: Sequence[Document]) -> Made:
        """Store each sendout that is not there yet; safe to repeat.

        One that is there stays as it is: it may be on its way, or sent. Raises
        ``PyMongoError`` where the database is away, or takes none of them.
        """
        if not documents:
            return Made(0, 0, ())
        try:
            await self._sendouts.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            return _settle(len(documents), error)
        return Made(len(documents), 0, ())


def _settle(count: int, error: BulkWriteError) -> Made:
    details = cast("dict[str, Any]", error.details)
    refusals: list[dict[str, Any]] = details["writeErrors"]
    if details["writeConcernErrors"] or any(
        is_unavailable_code(refusal["code"]) for refusal in refusals
    ):
        raise WriteConcernError(str(details)[:300])
    known = [one for one in refusals if one["code"] == DUPLICATE_KEY]
    refused = [
        (one["index"], str(one.get("errmsg"))[:300])
        for one in refusals
        if one["code"] != DUPLICATE_KEY
    ]
    left = frozenset(one["index"] for one in refusals)
    return Made(count - len(refusals), len(known), refused, left)
