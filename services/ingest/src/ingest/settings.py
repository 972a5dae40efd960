"""Settings of ingest, from the environment; see the service's README."""

from datetime import timedelta
from typing import Annotated

from daybook.events.topics import DEAD_LETTERS, REQUESTS, TASKS, WEBHOOKS
from daybook.runtime.consuming.settings import ConsumerSettings
from daybook.runtime.tiers.settings import TierSettings
from pydantic import AliasChoices, Field


class Settings(ConsumerSettings, TierSettings):
    """Read from the environment, prefix ``DAYBOOK_``."""

    group_id: Annotated[
        str,
        Field(
            description="Kafka consumer group.",
            # A name of its own: one environment may serve all services.
            validation_alias=AliasChoices("DAYBOOK_INGEST_GROUP_ID"),
        ),
    ] = "ingest"
    requests_topic: Annotated[str, Field(description="Topic of the API requests.")] = (
        REQUESTS
    )
    tasks_topic: Annotated[
        str, Field(description="Topic of the background tasks' events.")
    ] = TASKS
    webhooks_topic: Annotated[
        str, Field(description="Topic of the webhooks to deliver.")
    ] = WEBHOOKS
    dead_letters_topic: Annotated[
        str, Field(description="Topic for records that cannot be stored.")
    ] = DEAD_LETTERS
    watermarks_every: Annotated[
        timedelta, Field(description="How often the watermarks are written.")
    ] = timedelta(seconds=1)
