"""Settings of the task-tracker, from the environment; see the service's README."""

from datetime import timedelta
from typing import Annotated

from daybook.events.topics import TASKS
from daybook.runtime.consuming.settings import ConsumerSettings
from pydantic import AliasChoices, Field


class Settings(ConsumerSettings):
    """Read from the environment, prefix ``DAYBOOK_``."""

    group_id: Annotated[
        str,
        Field(
            description="Kafka consumer group.",
            # A name of its own: one environment may serve all services.
            validation_alias=AliasChoices("DAYBOOK_TASK_TRACKER_GROUP_ID"),
        ),
    ] = "task-tracker"
    tasks_topic: Annotated[
        str, Field(description="Topic of the background tasks' events.")
    ] = TASKS
    stalls_every: Annotated[
        timedelta, Field(description="How often stalled tasks are looked for.")
    ] = timedelta(seconds=1)
