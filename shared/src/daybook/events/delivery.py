"""An attempt to deliver a webhook, as others may want to know of it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from daybook.events.base import Event, Part, Text
from daybook.events.topics import DELIVERIES


class DeliveryError(Part):
    """Why an attempt failed."""

    kind: str = Field(description="For programs: status, timeout, dns, tls …")
    message: str | None = Field(default=None, description="For people.")
    status_code: int | None = Field(
        default=None, description="The answer's status, where there was one."
    )


class DeliveryAttempted(Event):
    """Daybook has tried to deliver a webhook, whatever came of it.

    A notification: the sendout is the record. Keyed by sendout, so that its attempts
    stay in order; delivered at most once, and not while Kafka is away for long.
    """

    type: ClassVar[str] = "daybook.delivery.attempted.v1"
    topic: ClassVar[str] = DELIVERIES

    sendout_id: Annotated[Text, Field(min_length=1, description="The sendout.")]
    endpoint_id: str = Field(description="The endpoint that it goes to.")
    target_url: str = Field(description="Where the attempt went.")
    event_id: str = Field(description="The webhook event, as it was published.")
    event_type: str = Field(description="Like voucher.created.")
    attempt: Annotated[int, Field(ge=1)] = Field(
        description="Its number; numbers may have gaps."
    )
    trigger: Literal["first", "retry", "manual", "bulk", "replay", "test"] = Field(
        description="Why it was made."
    )
    started_at: str = Field(description="When it began; RFC 3339 in UTC.")
    duration_ms: Annotated[float, Field(ge=0, allow_inf_nan=False)] = Field(
        description="Milliseconds until its end."
    )
    status: Literal["SENT", "RETRYING", "FAILED"] = Field(
        description="What the sendout is after it."
    )
    status_code: int | None = Field(default=None, description="The answer's status.")
    error: DeliveryError | None = Field(default=None, description="Why it failed.")

    def subject(self) -> str:
        return self.sendout_id
