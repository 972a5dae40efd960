"""The exporter's composition root: what is made of the settings."""

# aiokafka's own types are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import asyncio
from collections.abc import Collection
from datetime import timedelta
from random import Random

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from daybook import Client
from daybook.runtime.clock import monotonic, utc_now
from daybook.runtime.commands import Commands
from daybook.runtime.consuming.intake import Intake
from daybook.runtime.consuming.pipeline import Pipeline
from daybook.runtime.consuming.service import ConsumingService, make_broker
from daybook.runtime.consuming.traced import traced
from daybook.runtime.dead_letters import DeadLetterProducer
from daybook.runtime.metrics import ExporterMetrics
from daybook.runtime.mongo import connect, durable, is_unavailable
from daybook.runtime.process_name import process_name
from daybook.runtime.tracing import Tracer, tracer_of
from daybook.storage import collections
from daybook.storage.commands import EXPORTER, ensure_commands
from daybook.storage.exports import ensure_exports
from prometheus_client import CollectorRegistry
from pymongo.errors import PyMongoError

from exporter.announcing import SOURCE, Announcer
from exporter.deeds import Deeds
from exporter.encoding.parts import PART_BYTES, PART_ROWS
from exporter.expiry import Expiry
from exporter.jobs import Jobs, Limits
from exporter.judge import Asked, Judge, Judged
from exporter.leftovers import Leftovers
from exporter.progress import Progress
from exporter.run import Exports
from exporter.settings import Settings
from exporter.storing import Storage
from exporter.subscribers import subscribe
from exporter.tools import Tools
from exporter.waiting import Watermarks
from exporter.writer import Writer

ANNOUNCE_EVERY = timedelta(seconds=1)
EXPIRE_EVERY = timedelta(hours=1)
TIDY_EVERY = timedelta(seconds=5)
LOOK_EVERY = timedelta(seconds=1)
COUNT_EVERY = timedelta(seconds=5)
COMMANDS_EVERY = timedelta(milliseconds=200)
COMMAND_LEASE = timedelta(seconds=30)


class Exporter:
    """The service: its parts, wired; ``app`` runs it. Make it inside the loop."""

    def __init__(self, settings: Settings, tracer: Tracer | None = None) -> None:
        self._tracer = tracer = tracer or tracer_of(settings, "exporter")
        self._settings = settings
        random = Random()  # noqa: S311 - jitter needs no secrecy
        registry = CollectorRegistry()
        self._metrics = metrics = ExporterMetrics(registry)
        self._mongo = connect(settings.mongodb_uri, app_name="daybook-exporter")
        database = durable(self._mongo[settings.mongodb_database])
        self._stored = stored = database[collections.EXPORTS]
        objects = settings.objects()
        self._commands = database[collections.COMMANDS]
        deeds = Deeds(stored, objects)
        doing = Commands(self._commands, EXPORTER, deeds.by_kind(), COMMAND_LEASE)
        brokers = settings.brokers
        self._client = Client(
            brokers.servers,
            source=SOURCE,
            max_queue_events=1_000,
            **brokers.security(),
        )
        self._announcer = Announcer(stored, brokers, metrics)
        tools = Tools(
            database=database,
            storage=Storage(objects, settings.storage_patience, random, monotonic),
            watermarks=Watermarks(
                database[collections.WATERMARKS],
                settings.requests_topic,
                self._partitions,
                monotonic,
                longest=settings.watermarks_within,
            ),
            notices=Progress(self._client, metrics, settings.export_lease),
            random=random,
            count_within=settings.count_within,
            part_bytes=PART_BYTES,
            part_rows=PART_ROWS,
            tracer=tracer,
        )
        limits = Limits(settings.exports_at_once, settings.exports_of_project)
        self._jobs = Jobs(
            stored,
            database[collections.EXPORT_SLOTS],
            process_name(),
            settings.export_lease,
            limits,
        )
        self._exports = Exports(
            self._jobs,
            tools,
            at_once=settings.exports_of_process,
            renew_every=settings.export_lease / 3,
            ended=lambda status: metrics.ended.labels(status).inc(),
        )
        self._letters = DeadLetterProducer(brokers, settings.dead_letters_topic, random)
        writer = Writer(
            stored, self._letters, metrics, utc_now, self._exports.wake, random
        )
        intake = Intake[Judged](settings, Judge().judge)
        self._pipeline = Pipeline[Judged](
            traced(writer.write, tracer, settings.group_id, _traceparent),
            intake.commit,
            settings,
            metrics,
        )
        broker = make_broker(settings, "daybook-exporter")
        subscribe(broker, intake, settings)
        self._running: asyncio.Task[None] | None = None
        self.app = ConsumingService[Judged](
            settings,
            broker,
            intake,
            self._pipeline,
            registry=registry,
            random=random,
            prepare=self._prepare,
            loops={
                self._announcer.sweep: ANNOUNCE_EVERY,
                Expiry(stored, objects).sweep: EXPIRE_EVERY,
                Leftovers(stored, objects, settings.export_lease).sweep: TIDY_EVERY,
                self._look: LOOK_EVERY,
                self._count: COUNT_EVERY,
                doing.work: COMMANDS_EVERY,
            },
            close=self._close,
        ).app

    async def _prepare(self) -> None:
        await ensure_exports(self._stored)
        await ensure_commands(self._commands)
        if self._running is None:
            self._running = asyncio.create_task(self._exports.run())

    async def _look(self) -> None:
        self._metrics.running.set(self._exports.running)
        if self._exports.failed:
            self._pipeline.failed = True  # told by liveness, and ended by the watch

    async def _count(self) -> None:
        try:
            counted = await self._jobs.count()
        except PyMongoError as error:
            if not is_unavailable(error):
                raise
            return  # the last figures stay
        for state, count in counted.items():
            self._metrics.jobs.labels(state).set(count)

    async def _partitions(self) -> Collection[int]:
        """Those of the requests topic; none while Kafka is away."""
        topic = self._settings.requests_topic
        admin = AIOKafkaAdminClient(**self._settings.brokers.options())
        try:
            await admin.start()
            (described,) = await admin.describe_topics([topic])
        except KafkaError:
            return ()
        finally:
            await admin.close()
        return [one["partition"] for one in described["partitions"]]

    async def _close(self) -> None:
        await self._exports.stop()
        if self._running is not None:
            await self._running
        await self._client.close()
        await self._announcer.close()
        await self._letters.stop()
        await self._mongo.close()
        await self._tracer.close()


def _traceparent(item: Judged) -> str | None:
    return item.event.traceparent if isinstance(item, Asked) else None
