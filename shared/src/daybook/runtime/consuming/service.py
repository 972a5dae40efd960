"""A service around one subscriber: what starts, watches, drains and ends it."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from random import Random
from types import FrameType
from typing import Any, Generic, cast

import uvicorn
import uvloop
from aiokafka.errors import KafkaError
from faststream.asgi import AsgiFastStream
from prometheus_client import CollectorRegistry
from pymongo.errors import PyMongoError

from daybook.runtime.backoff import backoff
from daybook.runtime.clock import monotonic
from daybook.runtime.consuming.consumer import TolerantBroker, TolerantConsumer
from daybook.runtime.consuming.intake import Intake
from daybook.runtime.consuming.lag import Lag
from daybook.runtime.consuming.pipeline import ItemT, Pipeline
from daybook.runtime.consuming.settings import ConsumerSettings
from daybook.runtime.ending import end
from daybook.runtime.health import health_routes
from daybook.runtime.kafka_topics import absent_topics
from daybook.runtime.mongo import is_unavailable
from daybook.runtime.settings import ServiceSettings

log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]

# FastStream warns of it at each start; a topic that is absent is told by name here.
log.addFilter(lambda record: "Topic creation is skipped" not in str(record.msg))


def make_broker(settings: ConsumerSettings, client_id: str) -> TolerantBroker:
    """The broker that a service's one subscriber is declared on."""
    return TolerantBroker(
        settings.brokers,
        client_id=client_id,
        consumer_only=True,
        # Nothing is guessed from annotations: batches come as they are.
        apply_types=False,
        logger=log,
        log_level=logging.DEBUG,  # of the two lines that it writes a batch
        graceful_timeout=settings.drain_within.total_seconds(),
    )


# A watch that is late by so much was stopped with its whole process.
FROZEN_AFTER_S = 15.0
KAFKA_ANSWERS_WITHIN_S = 5.0


class ConsumingService(Generic[ItemT]):
    """Reads once the database can store and every topic is there; leaves when only a
    restart helps.

    ``prepare`` is repeated while the database is away; ``loops`` run from then on, each
    so long after its last end; ``close`` comes last, when nothing is read or written.
    """

    def __init__(
        self,
        settings: ConsumerSettings,
        broker: TolerantBroker,
        intake: Intake[ItemT],
        pipeline: Pipeline[ItemT],
        *,
        registry: CollectorRegistry,
        random: Random,
        prepare: Work,
        loops: Mapping[Work, timedelta],
        close: Work,
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._pipeline = pipeline
        self._lag = Lag(
            settings.brokers,
            settings.group_id,
            lambda: intake.consumer,
            pipeline.metrics,
        )
        self._random = random
        self._prepare = prepare
        self._every = {
            **loops,
            pipeline.commit: settings.commit_every,
            self._lag.measure: settings.lag_every,
        }
        self._close_parts = close
        self._loops: list[asyncio.Task[None]] = []
        self._reading_from: float | None = None
        self._watched_at = self._excused_at = 0.0
        (subscriber,) = broker.subscribers
        self._topics: list[str] = cast("Any", subscriber).topic_names_for_subscribe
        intake.join(
            lambda: cast("TolerantConsumer | None", cast("Any", subscriber).consumer),
            pipeline,
        )
        self.app = AsgiFastStream(
            broker,
            logger=log,
            asgi_routes=health_routes(
                alive=self._alive, ready=self._ready, registry=registry
            ),
            on_startup=[self._before_reading],
            on_shutdown=[self._drain],
            after_shutdown=[self._close],
        )

    async def caught_up(self) -> None:
        """Return once the group has stored all that its topics hold now."""
        await self._lag.caught_up()

    async def _before_reading(self) -> None:
        """Wait for the database; nothing is read before it can be stored."""
        for wait in backoff(self._random):
            try:
                await self._prepare()
            except PyMongoError as error:
                if not is_unavailable(error):
                    raise
                log.warning("waiting for the database: %s", str(error)[:200])
                await asyncio.sleep(wait)
            else:
                break
        await self._wait_for_topics()
        self._reading_from = self._watched_at = monotonic()
        self._loops = [
            repeat(every.total_seconds(), work) for work, every in self._every.items()
        ]
        self._loops.append(repeat(1.0, self._watch))

    async def _wait_for_topics(self) -> None:
        """A consumer joins no group, and reads nothing, while one of them is absent."""
        brokers = self._settings.brokers
        for wait in backoff(self._random):
            try:
                absent = await absent_topics(brokers, self._topics)
            except KafkaError as error:
                log.warning("waiting for Kafka: %r", error)
            else:
                if not absent:
                    await self._lag.begin(self._topics)
                    return
                log.warning(
                    "nothing is read before these topics are there: %s",
                    ", ".join(f"{name} ({why})" for name, why in absent.items()),
                )
            await asyncio.sleep(wait)

    async def _drain(self) -> None:
        await self._intake.stop(self._settings.drain_within.total_seconds())

    async def _close(self) -> None:
        await end(self._loops)
        await self._pipeline.close()
        await self._lag.close()
        await self._close_parts()

    def _alive(self) -> str | None:
        if self._pipeline.failed:
            return "a write failed in an unforeseen way"
        if self._stalled_s() > self._settings.stalled_after.total_seconds():
            return f"the poll loop has not moved for {self._stalled_s():.0f} s"
        return None

    def _stalled_s(self) -> float:
        """How long the poll loop has not moved by a fault of its own."""
        consumer = self._intake.consumer
        polled_at = None if consumer is None else consumer.polled_at
        since = self._reading_from if polled_at is None else polled_at
        return 0.0 if since is None else monotonic() - max(since, self._excused_at)

    def _ready(self) -> str | None:
        consumer = self._intake.consumer
        if consumer is None or consumer.polled_at is None:
            return "not reading yet"
        return self._alive()

    async def _watch(self) -> None:
        """Leave when only a restart helps: nothing is lost, all is read again.

        It does not where Kafka is away, which holds up a poll that meets a rebalance:
        what needs no Kafka goes on meanwhile.
        """
        if self._intake.consumer is None:
            return
        was_frozen = monotonic() - self._watched_at > FROZEN_AFTER_S
        half = self._settings.stalled_after.total_seconds() / 2
        if was_frozen or (self._stalled_s() > half and await self._kafka_is_away()):
            # It has its whole time again from here.
            self._excused_at = monotonic()
        elif (fault := self._alive()) is not None:
            log.critical("%s: leaving, to be restarted", fault)
            os._exit(1)
        self._watched_at = monotonic()

    async def _kafka_is_away(self) -> bool:
        try:
            async with asyncio.timeout(KAFKA_ANSWERS_WITHIN_S):
                await absent_topics(self._settings.brokers, ())
        except (KafkaError, TimeoutError):
            return True
        return False


def repeat(seconds: float, work: Work) -> asyncio.Task[None]:
    """Do it, each time so long after its last end; one that fails is told."""

    async def go_on() -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except Exception:
                # A loop that ends unseen would commit, or look, never again.
                log.exception("what is done each %g s failed: trying again", seconds)

    return asyncio.create_task(go_on())


class _Server(uvicorn.Server):
    """Leaves at a signal also while it waits: uvicorn heeds none before it serves."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self.started:
            os._exit(0)  # nothing was committed, so nothing is lost
        super().handle_exit(sig, frame)


def serve(settings: ServiceSettings, make_app: Callable[[], AsgiFastStream]) -> None:
    """Run until SIGTERM or SIGINT; then drain, commit and leave."""

    async def run() -> None:
        # Made inside the loop: the database client belongs to one.
        config = uvicorn.Config(
            make_app(),
            host=settings.health_host,
            port=settings.health_port,
            log_config=None,
            access_log=False,
        )
        await _Server(config).serve()

    uvloop.run(run())
