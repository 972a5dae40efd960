"""What the task-tracker reads of Kafka."""

from daybook.runtime.consuming.intake import Intake
from daybook.runtime.consuming.raw import RawBatch, raw_message, raw_records
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from task_tracker.judge import Judged
from task_tracker.settings import Settings


def subscribe(broker: KafkaBroker, intake: Intake[Judged], settings: Settings) -> None:
    """Declare the tracker's one subscriber."""

    @broker.subscriber(
        settings.tasks_topic,
        batch=True,
        group_id=settings.group_id,
        # Offsets are committed by the pipeline's watermarks, never on return.
        ack_policy=AckPolicy.MANUAL,
        parser=raw_message,
        decoder=raw_records,
        **intake.options(),
    )
    async def fold_events(batch: RawBatch) -> None:  # pyright: ignore[reportUnusedFunction]
        """Judge one polled batch and hand it on; commits follow storage, not this."""
        await intake.take(batch)
