"""What ingest reads of Kafka."""

from daybook.runtime.consuming.intake import Intake
from daybook.runtime.consuming.raw import RawBatch, raw_message, raw_records
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from ingest.settings import Settings
from ingest.writer import Outcome


def subscribe(broker: KafkaBroker, intake: Intake[Outcome], settings: Settings) -> None:
    """Declare ingest's one subscriber: all its topics, in one group."""

    @broker.subscriber(
        settings.requests_topic,
        settings.tasks_topic,
        settings.webhooks_topic,
        batch=True,
        group_id=settings.group_id,
        # Offsets are committed by the pipeline's watermarks, never on return.
        ack_policy=AckPolicy.MANUAL,
        parser=raw_message,
        decoder=raw_records,
        **intake.options(),
    )
    async def store_events(batch: RawBatch) -> None:  # pyright: ignore[reportUnusedFunction]
        """Judge one polled batch and hand it on; commits follow storage, not this."""
        await intake.take(batch)
