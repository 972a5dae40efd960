"""Ingest's writes: once each, durable, one guilty record at a time."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, cast

import bson
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from daybook.events.faults import RefusedByDatabase
from daybook.runtime.backoff import backoff
from daybook.runtime.dead_letters import DeadLetter
from daybook.runtime.metrics import IngestMetrics
from daybook.runtime.mongo import Document, is_unavailable, is_unavailable_code
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError, PyMongoError, WriteConcernError

from ingest.documents import under_other_source
from ingest.judge import Accepted, decode

log = logging.getLogger(__name__)

DUPLICATE_KEY = 11000


@dataclass(slots=True)
class Stored:
    """What became of the documents of one write."""

    stored: int = 0
    redelivered: int = 0
    refused: list[DeadLetter] = field(default_factory=list[DeadLetter])

    def add(self, other: "Stored") -> "Stored":
        return Stored(
            self.stored + other.stored,
            self.redelivered + other.redelivered,
            [*self.refused, *other.refused],
        )


class EventRepository:
    """Inserts the documents of events into one collection.

    ``collection`` answers once a majority has journaled a write.
    """

    def __init__(
        self,
        collection: AsyncCollection[Document],
        random: Random,
        metrics: IngestMetrics,
    ) -> None:
        self._collection = collection
        self._random = random
        self._metrics = metrics

    async def insert(self, accepted: Sequence[Accepted]) -> Stored:
        """Store each document once, however often it comes; safe to repeat.

        Returns only when all is stored or refused for good; waits while the database
        is away.
        """
        if not accepted:
            return Stored()
        for wait in backoff(self._random):
            try:
                return await self._insert_all(accepted)
            except PyMongoError as error:
                if not is_unavailable(error):
                    raise
                self._metrics.database_waits.inc()
                log.warning("the database is away, waiting: %s", _brief(error))
                await asyncio.sleep(wait)
        raise AssertionError  # backoff() never ends

    async def _insert_all(self, accepted: Sequence[Accepted]) -> Stored:
        try:
            await self._collection.insert_many(
                [RawBSONDocument(one.document) for one in accepted], ordered=False
            )
        except BulkWriteError as error:
            return await self._settle(accepted, error)
        except PyMongoError as error:
            if is_unavailable(error):
                raise
            return await self._halve(accepted, error)
        except (BSONError, OverflowError) as error:  # the driver refuses a document
            return await self._halve(accepted, error)
        return Stored(stored=len(accepted))

    async def _halve(self, accepted: Sequence[Accepted], error: Exception) -> Stored:
        """The whole batch was refused: find who is guilty."""
        if len(accepted) == 1:
            letter = DeadLetter(accepted[0].record, RefusedByDatabase(_brief(error)))
            return Stored(refused=[letter])
        middle = len(accepted) // 2
        first = await self._insert_all(accepted[:middle])
        return first.add(await self._insert_all(accepted[middle:]))

    async def _settle(
        self, accepted: Sequence[Accepted], error: BulkWriteError
    ) -> Stored:
        """Some documents were refused one by one: tell redeliveries from faults."""
        details = cast("dict[str, Any]", error.details)
        refusals: list[dict[str, Any]] = details["writeErrors"]
        if details["writeConcernErrors"] or any(
            is_unavailable_code(refusal["code"]) for refusal in refusals
        ):
            raise WriteNotDurable(str(details)[:300])
        duplicates: list[Accepted] = []
        outcome = Stored(stored=len(accepted) - len(refusals))
        for refusal in refusals:
            index: int = refusal["index"]
            one = accepted[index]
            if _is_duplicate_id(refusal):
                duplicates.append(one)
            else:
                fault = RefusedByDatabase(str(refusal.get("errmsg"))[:300])
                outcome.refused.append(DeadLetter(one.record, fault))
        if duplicates:
            outcome = outcome.add(await self._settle_duplicates(duplicates))
        return outcome

    async def _settle_duplicates(self, duplicates: Sequence[Accepted]) -> Stored:
        """An id that is there already: a redelivery, or another source's event."""
        documents = [decode(one.document) for one in duplicates]
        known = await self._sources([document["_id"] for document in documents])
        redelivered = 0
        again: list[Accepted] = []
        for one, document in zip(duplicates, documents, strict=True):
            stored_source = known.get(document["_id"])
            if stored_source == document["source"]:
                redelivered += 1
            elif stored_source is None:  # it expired meanwhile
                again.append(one)
            else:
                # Unbounded: some bytes beyond our bound would end ingest, not it.
                renamed = bson.encode(under_other_source(document))
                again.append(replace(one, document=renamed))
        outcome = Stored(redelivered=redelivered)
        return outcome.add(await self._insert_all(again)) if again else outcome

    async def _sources(self, ids: list[str]) -> dict[str, str]:
        cursor = self._collection.find({"_id": {"$in": ids}}, {"source": 1})
        return {found["_id"]: found["source"] async for found in cursor}


class WriteNotDurable(WriteConcernError):
    """The write was made, but not yet by a majority: it is made again."""


def _is_duplicate_id(refusal: dict[str, Any]) -> bool:
    return refusal["code"] == DUPLICATE_KEY and set(refusal["keyPattern"]) == {"_id"}


def _brief(error: Exception) -> str:
    return str(error).split(", full error")[0][:300]
