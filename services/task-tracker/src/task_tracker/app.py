"""The task-tracker's composition root: what is made of the settings."""

from random import Random

from daybook.runtime.clock import utc_now
from daybook.runtime.consuming.intake import Intake
from daybook.runtime.consuming.pipeline import Pipeline
from daybook.runtime.consuming.reached import Reached
from daybook.runtime.consuming.service import ConsumingService, make_broker
from daybook.runtime.consuming.traced import traced
from daybook.runtime.metrics import TrackerMetrics
from daybook.runtime.mongo import connect, durable
from daybook.runtime.tracing import Tracer, tracer_of
from daybook.storage.collections import TASK_FAILED_ROWS, TASKS
from daybook.storage.tasks import ensure_tasks
from prometheus_client import CollectorRegistry

from task_tracker.judge import Judge, Judged
from task_tracker.repository import TaskRepository
from task_tracker.settings import Settings
from task_tracker.stalls import Stalls
from task_tracker.subscribers import subscribe
from task_tracker.writer import Writer


class TaskTracker:
    """The service: its parts, wired; ``app`` runs it."""

    def __init__(self, settings: Settings, tracer: Tracer | None = None) -> None:
        tracer = tracer or tracer_of(settings, "task-tracker")
        random = Random()  # noqa: S311 - jitter needs no secrecy
        registry = CollectorRegistry()
        metrics = TrackerMetrics(registry)
        mongo = connect(settings.mongodb_uri, app_name="daybook-task-tracker")
        database = durable(mongo[settings.mongodb_database])
        tasks, failed_rows = database[TASKS], database[TASK_FAILED_ROWS]
        repository = TaskRepository(tasks, failed_rows, random, metrics)
        intake = Intake[Judged](settings, Judge().judge)
        writer = Writer(repository, metrics, utc_now)
        pipeline = Pipeline[Judged](
            traced(
                writer.write, tracer, settings.group_id, lambda one: one.traceparent
            ),
            intake.commit,
            settings,
            metrics,
        )
        reached = Reached(
            pipeline, lambda: intake.consumer, utc_now, settings.clock_skew
        )
        broker = make_broker(settings, "daybook-task-tracker")
        subscribe(broker, intake, settings)

        async def prepare() -> None:
            await ensure_tasks(tasks, failed_rows)

        async def close() -> None:
            await mongo.close()
            await tracer.close()

        self.app = ConsumingService[Judged](
            settings,
            broker,
            intake,
            pipeline,
            registry=registry,
            random=random,
            prepare=prepare,
            loops={Stalls(repository, reached, metrics).sweep: settings.stalls_every},
            close=close,
        ).app
