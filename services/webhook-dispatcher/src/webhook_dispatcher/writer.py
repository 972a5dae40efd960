"""One bulk of judged records: matched with endpoints, stored as sendouts, told."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Protocol, TypeVar

from bson.errors import BSONError
from daybook.runtime.backoff import backoff
from daybook.runtime.metrics import DispatcherMetrics
from daybook.runtime.mongo import Document, is_unavailable
from daybook.storage.times import from_ms
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from webhook_dispatcher.documents import Claim, sendout_document, sendout_key
from webhook_dispatcher.endpoints import DatabaseClock, Endpoint, Endpoints
from webhook_dispatcher.health import Health
from webhook_dispatcher.judge import Judged
from webhook_dispatcher.repository import Made, SendoutRepository

log = logging.getLogger(__name__)

# An event to many endpoints is its payload as often: so much is inserted at once.
BYTES_AT_ONCE = 8 * 1024 * 1024
SENDOUTS_AT_ONCE = 1_000

Result = TypeVar("Result")
Match = tuple[Judged, Endpoint]


@dataclass(frozen=True, slots=True)
class Stores:
    """What a writer reads and writes."""

    endpoints: Endpoints
    health: Health
    sendouts: SendoutRepository
    anything: AsyncCollection[Document]
    clock: DatabaseClock


class Straight(Protocol):
    """Sends what was just stored, without another look, where there is room."""

    def reserve(self, endpoint: Endpoint, sendout_key: str) -> bool: ...
    def go(self, sendout: Document) -> None: ...
    def give_back(self, sendout_key: str) -> None: ...


class Writer:
    """Writes bulks. Safe to repeat: each sendout is made once."""

    def __init__(
        self,
        stores: Stores,
        tier_of: Callable[[str], str],
        told: Callable[[Iterable[str]], Awaitable[None]],
        metrics: DispatcherMetrics,
        random: Random,
        skew: timedelta,
        straight: Straight,
        claim: Callable[[], Claim],
    ) -> None:
        self._stores = stores
        self._skew = skew
        self._straight = straight
        self._claim = claim
        self._tier_of = tier_of
        self._told = told
        self._metrics = metrics
        self._random = random

    async def write(self, items: list[Judged]) -> None:
        """Return once every sendout is durable and its endpoint's owner is told."""
        stores = self._stores
        # Asked for after the batch was polled: an endpoint that was there before an
        # event was published gets it.
        await self._patiently(stores.endpoints.refresh)
        matches = [match for item in items for match in self._matches(item)]
        if matches:
            await self._patiently(lambda: stores.clock.ask(stores.anything))
            keys = {endpoint.key for _, endpoint in matches}
            off = await self._patiently(lambda: stores.health.disabled(keys))
            for some in _parts(matches):
                await self._make([self._document(match, off) for match in some])
        self._count(items, matches)

    def _matches(self, item: Judged) -> Iterator[Match]:
        event = item.event
        if event is not None:
            asking = self._stores.endpoints.asking_for(
                event.project_id, event.data["event_type"]
            )
            # The broker's clock may be behind the one that the endpoint was made by.
            received = from_ms(item.record.timestamp) + self._skew
            for endpoint in asking:
                made = endpoint.created_at
                # What was there before it is for a replay to send.
                if made is None or made <= received:
                    yield item, endpoint

    def _document(self, match: Match, off: set[str]) -> Document:
        item, endpoint = match
        event = item.event
        assert event is not None  # noqa: S101 - it matched
        held = not endpoint.active or endpoint.key in off
        key = sendout_key(event.project_id, event.source, event.id, endpoint.id)
        goes = not held and self._straight.reserve(endpoint, key)
        return sendout_document(
            event,
            item.record,
            endpoint,
            tier=self._tier_of(endpoint.project_id),
            now=self._stores.clock(),
            held=held,
            claim=self._claim() if goes else None,
        )

    async def _make(self, documents: Sequence[Document]) -> None:
        try:
            made = await self._patiently(lambda: self._stores.sendouts.make(documents))
        except (BSONError, OverflowError, PyMongoError) as error:
            if len(documents) > 1:
                middle = len(documents) // 2
                await self._make(documents[:middle])
                await self._make(documents[middle:])
                return
            refused = [(0, str(error)[:300])]
            made = Made(0, 0, refused, frozenset({0}))
        waiting = self._send_on(documents, made.left)
        if waiting:
            await self._patiently(lambda: self._told(waiting))
        for index, reason in made.refused:
            log.error(
                "the database refuses the sendout %s: %s",
                documents[index]["_id"],
                reason,
            )
        sendouts = self._metrics.sendouts
        sendouts.labels("made").inc(made.made)
        sendouts.labels("known").inc(made.known)
        sendouts.labels("refused").inc(len(made.refused))

    def _send_on(self, documents: Sequence[Document], left: frozenset[int]) -> set[str]:
        """Let go what is ours; whose owners have to be told of the rest."""
        waiting: set[str] = set()
        for index, document in enumerate(documents):
            if "claimed_by" not in document:
                waiting.add(f"{document['project_id']}/{document['endpoint_id']}")
            elif index in left:
                self._straight.give_back(document["_id"])
            else:
                self._straight.go(document)
        return waiting

    async def _patiently(self, work: Callable[[], Awaitable[Result]]) -> Result:
        for wait in backoff(self._random):
            try:
                return await work()
            except PyMongoError as error:
                if not is_unavailable(error):
                    raise
                self._metrics.database_waits.inc()
                log.warning("the database is away, waiting: %s", str(error)[:200])
                await asyncio.sleep(wait)
        raise AssertionError  # backoff() never ends

    def _count(self, items: Sequence[Judged], matches: Sequence[Match]) -> None:
        matched = len({id(item) for item, _ in matches})
        good = [
            (item.record.timestamp, item.event.time)
            for item in items
            if item.event is not None
        ]
        events = self._metrics.events
        events.labels("matched").inc(matched)
        events.labels("unmatched").inc(len(good) - matched)
        events.labels("passed_over").inc(len(items) - len(good))
        self._metrics.stored(self._stores.clock(), good)


def _parts(matches: Sequence[Match]) -> Iterator[list[Match]]:
    part: list[Match] = []
    size = 0
    for match in matches:
        part.append(match)
        size += match[0].size
        if len(part) >= SENDOUTS_AT_ONCE or size >= BYTES_AT_ONCE:
            yield part
            part, size = [], 0
    if part:
        yield part
