"""Settings of ingest, from the environment; see the service's README."""

from datetime import timedelta
from typing import Annotated

from daybook.events.topics import DEAD_LETTERS, REQUESTS, TASKS, WEBHOOKS
from daybook.runtime.consuming.settings import ConsumerSettings
from daybook.storage.tiers import DEFAULT_TIERS, parse_tiers
from pydantic import AliasChoices, Field


class Settings(ConsumerSettings):
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
    tiers: Annotated[
        str,
        Field(
            description="Retention tiers as NAME=DURATION, comma-separated; "
            "the first is for projects without one."
        ),
    ] = DEFAULT_TIERS
    watermarks_every: Annotated[
        timedelta, Field(description="How often the watermarks are written.")
    ] = timedelta(seconds=1)
    projects_refresh: Annotated[
        timedelta, Field(description="How often projects' tiers are read anew.")
    ] = timedelta(seconds=5)  # a tier may be 10 s old: half, to leave time for a retry

    def tier_durations(self) -> dict[str, timedelta]:
        """The tiers, the default one first."""
        return parse_tiers(self.tiers)
