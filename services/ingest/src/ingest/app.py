"""Ingest's composition root: what is made of the settings, started and stopped."""

from random import Random

from daybook import Client
from daybook.runtime.clock import utc_now
from daybook.runtime.consuming.intake import Intake
from daybook.runtime.consuming.pipeline import Pipeline
from daybook.runtime.consuming.reached import Reached
from daybook.runtime.consuming.service import ConsumingService, make_broker
from daybook.runtime.consuming.traced import traced
from daybook.runtime.dead_letters import DeadLetterProducer
from daybook.runtime.metrics import IngestMetrics
from daybook.runtime.mongo import connect, durable
from daybook.runtime.tiers.move import Moving
from daybook.runtime.tiers.moves import movers
from daybook.runtime.tiers.projects import ProjectTiers
from daybook.runtime.tracing import Tracer, tracer_of
from daybook.storage.collections import COMMANDS, PROJECTS, WATERMARKS
from daybook.storage.commands import INGEST, MOVE_EVENTS, ensure_commands
from daybook.storage.tier_walks import EVENT_WALKS
from prometheus_client import CollectorRegistry

from ingest.judge import Accepted, Judge
from ingest.kinds import kinds
from ingest.repository import EventRepository
from ingest.settings import Settings
from ingest.subscribers import subscribe
from ingest.watermarks import Watermarks
from ingest.writer import Outcome, Writer


class Ingest:
    """The service: its parts, wired; ``app`` runs it."""

    def __init__(self, settings: Settings, tracer: Tracer | None = None) -> None:
        tracer = tracer or tracer_of(settings, "ingest")
        random = Random()  # noqa: S311 - jitter needs no secrecy
        registry = CollectorRegistry()
        metrics = IngestMetrics(registry)
        mongo = connect(settings.mongodb_uri, app_name="daybook-ingest")
        database = durable(mongo[settings.mongodb_database])
        tiers = settings.tier_durations()
        projects = ProjectTiers(database[PROJECTS], tiers)
        letters = DeadLetterProducer(
            settings.brokers, settings.dead_letters_topic, random
        )
        stored = kinds(settings)
        writer = Writer(
            {
                kind.collection: EventRepository(
                    database[kind.collection], random, metrics
                )
                for kind in stored
            },
            letters,
            metrics,
            utc_now,
        )
        intake = Intake[Outcome](settings, Judge(stored, projects.tier_of).judge)
        pipeline = Pipeline[Outcome](
            traced(writer.write, tracer, settings.group_id, _traceparent),
            intake.commit,
            settings,
            metrics,
        )
        reached = Reached(
            pipeline, lambda: intake.consumer, utc_now, settings.clock_skew
        )
        broker = make_broker(settings, "daybook-ingest")
        subscribe(broker, intake, settings)
        client = Client(
            settings.brokers.servers, source=INGEST, **settings.brokers.security()
        )
        moves = movers(
            Moving(
                database=database,
                walks=EVENT_WALKS,
                settings=settings,
                caught_up=lambda: service.caught_up(),
                client=client,
            ),
            INGEST,
            MOVE_EVENTS,
        )

        async def prepare() -> None:
            for kind in stored:
                await kind.ensure(database[kind.collection], tiers)
            await ensure_commands(database[COMMANDS])
            await projects.refresh()

        async def close() -> None:
            await client.close()
            await letters.stop()
            await mongo.close()
            await tracer.close()

        service = ConsumingService[Outcome](
            settings,
            broker,
            intake,
            pipeline,
            registry=registry,
            random=random,
            prepare=prepare,
            loops={
                projects.refresh: settings.projects_refresh,
                **moves,
                Watermarks(database[WATERMARKS], reached).write: (
                    settings.watermarks_every
                ),
            },
            close=close,
        )
        self.app = service.app


def _traceparent(outcome: Outcome) -> str | None:
    return outcome.traceparent if isinstance(outcome, Accepted) else None
