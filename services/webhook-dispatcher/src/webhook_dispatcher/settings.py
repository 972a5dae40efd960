"""Settings of the webhook-dispatcher, from the environment; see the README."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from daybook.events.topics import WEBHOOKS
from daybook.runtime.consuming.settings import ConsumerSettings
from daybook.runtime.tiers.settings import TierSettings
from daybook.webhooks.settings import WebhookSettings
from pydantic import AliasChoices, Field


class Settings(ConsumerSettings, TierSettings, WebhookSettings):
    """Read from the environment, prefix ``DAYBOOK_``."""

    group_id: Annotated[
        str,
        Field(
            description="Kafka consumer group.",
            # A name of its own: one environment may serve all services.
            validation_alias=AliasChoices("DAYBOOK_WEBHOOK_DISPATCHER_GROUP_ID"),
        ),
    ] = "webhook-dispatcher"
    linger: Annotated[
        timedelta,
        Field(
            description="How long a write of sendouts waits for more records.",
            validation_alias=AliasChoices("DAYBOOK_WEBHOOK_LINGER"),
        ),
    ] = timedelta(milliseconds=5)  # a delivery waits for it
    webhooks_topic: Annotated[
        str, Field(description="Topic of the webhooks to deliver.")
    ] = WEBHOOKS
    sendouts_in_flight: Annotated[
        int, Field(description="Most deliveries at once of one process.", ge=2)
    ] = 400  # half of it is what endpoints that hang can hold
    sendout_lease: Annotated[
        timedelta,
        Field(description="How long a delivery is its process's without a sign."),
    ] = timedelta(seconds=60)  # the longest time-out of an endpoint, twice
    slot_lease: Annotated[
        timedelta,
        Field(description="Silence after which a process loses its endpoints."),
    ] = timedelta(seconds=10)
    marks_every: Annotated[
        timedelta, Field(description="How often other processes' word is looked for.")
    ] = timedelta(milliseconds=100)
    disable_after: Annotated[
        int,
        Field(description="Sendouts given up in a row that disable an endpoint.", ge=1),
    ] = 1
    webhook_ca_file: Annotated[
        Path | None,
        Field(description="Certificates to trust beside the public ones, as PEM."),
    ] = None
