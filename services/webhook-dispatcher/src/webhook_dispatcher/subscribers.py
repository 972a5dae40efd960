"""What the webhook-dispatcher reads of Kafka."""

from daybook.runtime.consuming.intake import Intake
from daybook.runtime.consuming.raw import RawBatch, raw_message, raw_records
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from webhook_dispatcher.judge import Judged
from webhook_dispatcher.settings import Settings


def subscribe(broker: KafkaBroker, intake: Intake[Judged], settings: Settings) -> None:
    """Declare the dispatcher's one subscriber."""

    @broker.subscriber(
        settings.webhooks_topic,
        batch=True,
        group_id=settings.group_id,
        # Offsets are committed by the pipeline's watermarks, never on return.
        ack_policy=AckPolicy.MANUAL,
        parser=raw_message,
        decoder=raw_records,
        **intake.options(),
    )
    async def make_sendouts(batch: RawBatch) -> None:  # pyright: ignore[reportUnusedFunction]
        """Judge one polled batch and hand it on; commits follow storage, not this."""
        await intake.take(batch)
