"""Ingest's composition root: what is made of the settings, started and stopped."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from random import Random

from daybook.events.catalog import events_of
from daybook.events.reading import EventReader
from daybook.events.topics import REQUESTS
from daybook.runtime.backoff import backoff
from daybook.runtime.clock import monotonic, utc_now
from daybook.runtime.consuming.consumer import TolerantBroker
from daybook.runtime.dead_letters import DeadLetterProducer
from daybook.runtime.health import health_routes
from daybook.runtime.metrics import IngestMetrics
from daybook.runtime.mongo import connect, durable, is_unavailable
from daybook.storage.collections import LOGS, PROJECTS, WATERMARKS
from daybook.storage.logs import ensure_logs
from faststream.asgi import AsgiFastStream
from prometheus_client import CollectorRegistry
from pymongo.errors import PyMongoError

from ingest.judge import Judge
from ingest.pipeline import Pipeline
from ingest.projects import ProjectTiers
from ingest.repository import LogRepository
from ingest.settings import Settings
from ingest.subscribers import Intake, subscribe
from ingest.watermarks import Watermarks

log = logging.getLogger(__name__)


class Ingest:
    """The service: its parts, and the loops beside the subscriber."""

    def __init__(self, settings: Settings) -> None:
        random = Random()  # noqa: S311 - jitter needs no secrecy
        self._settings = settings
        self._tiers = settings.tier_durations()
        self._registry = CollectorRegistry()
        metrics = IngestMetrics(self._registry)
        self._mongo = connect(settings.mongodb_uri, app_name="daybook-ingest")
        database = durable(self._mongo[settings.mongodb_database])
        self._logs = database[LOGS]
        self._projects = ProjectTiers(database[PROJECTS], self._tiers)
        self._letters = DeadLetterProducer(
            settings.kafka_bootstrap_servers, settings.dead_letters_topic, random
        )
        self._random = random
        self._intake = Intake(settings)
        self._pipeline = Pipeline(
            LogRepository(self._logs, random, metrics),
            self._letters,
            self._intake.commit,
            settings,
            metrics,
            utc_now,
        )
        broker = TolerantBroker(
            settings.kafka_bootstrap_servers,
            client_id="daybook-ingest",
            consumer_only=True,
            # Nothing is guessed from annotations: batches come as they are.
            apply_types=False,
            logger=log,
            log_level=logging.DEBUG,  # of the two lines that it writes a batch
            graceful_timeout=settings.drain_within.total_seconds(),
        )
        judge = Judge(EventReader(events_of(REQUESTS)), self._projects.tier_of)
        subscribe(broker, self._intake, judge, self._pipeline, settings)
        self._watermarks = Watermarks(
            database[WATERMARKS],
            self._pipeline,
            lambda: self._intake.consumer,
            utc_now,
            settings.clock_skew,
        )
        self._loops: list[asyncio.Task[None]] = []
        self._started_at = monotonic()
        self.app = AsgiFastStream(
            broker,
            logger=log,
            asgi_routes=health_routes(
                alive=self._alive, ready=self._ready, registry=self._registry
            ),
            on_startup=[self._before_reading],
            on_shutdown=[self._drain],
            after_shutdown=[self._close],
        )

    async def _before_reading(self) -> None:
        """Wait for the database; nothing is read before it can be stored."""
        for wait in backoff(self._random):
            try:
                await ensure_logs(self._logs, self._tiers)
                await self._projects.refresh()
            except PyMongoError as error:
                if not is_unavailable(error):
                    raise
                log.warning("waiting for the database: %s", str(error)[:200])
                await asyncio.sleep(wait)
            else:
                break
        self._loops = [
            _every(self._settings.commit_every.total_seconds(), self._pipeline.commit),
            _every(
                self._settings.projects_refresh.total_seconds(), self._projects.refresh
            ),
            _every(
                self._settings.watermarks_every.total_seconds(), self._watermarks.write
            ),
            _every(1.0, self._watch),
        ]

    async def _drain(self) -> None:
        await self._intake.stop(self._settings.drain_within.total_seconds())

    async def _close(self) -> None:
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._pipeline.close()
        await self._letters.stop()
        await self._mongo.close()

    def _stalled_for(self) -> float:
        consumer = self._intake.consumer
        polled_at = None if consumer is None else consumer.polled_at
        return monotonic() - (self._started_at if polled_at is None else polled_at)

    def _alive(self) -> str | None:
        if self._pipeline.failed:
            return "a write failed in an unforeseen way"
        stalled = self._stalled_for()
        if stalled > self._settings.stalled_after.total_seconds():
            return f"the poll loop has not moved for {stalled:.0f} s"
        return None

    def _ready(self) -> str | None:
        consumer = self._intake.consumer
        if consumer is None or consumer.polled_at is None:
            return "not reading yet"
        return self._alive()

    async def _watch(self) -> None:
        """Leave when only a restart helps: nothing is lost, all is read again."""
        consumer = self._intake.consumer
        if consumer is not None and (fault := self._alive()) is not None:
            log.critical("%s: leaving, to be restarted", fault)
            os._exit(1)


def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
    async def repeat() -> None:
        while True:
            await asyncio.sleep(seconds)
            await work()

    return asyncio.create_task(repeat())
