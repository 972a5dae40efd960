"""What the exporter reads of Kafka."""

from daybook.runtime.consuming.intake import Intake
from daybook.runtime.consuming.raw import RawBatch, raw_message, raw_records
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from exporter.judge import Judged
from exporter.settings import Settings


def subscribe(broker: KafkaBroker, intake: Intake[Judged], settings: Settings) -> None:
    """Declare the exporter's one subscriber."""

    @broker.subscriber(
        settings.exports_topic,
        batch=True,
        group_id=settings.group_id,
        # Offsets are committed by the pipeline's watermarks, never on return.
        ack_policy=AckPolicy.MANUAL,
        parser=raw_message,
        decoder=raw_records,
        **intake.options(),
    )
    async def make_exports(batch: RawBatch) -> None:  # pyright: ignore[reportUnusedFunction]
        """Judge one polled batch and hand it on; commits follow storage, not this."""
        await intake.take(batch)
