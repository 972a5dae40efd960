"""Settings of the exporter, from the environment; see the README."""

from datetime import timedelta
from typing import Annotated

from daybook.events.topics import DEAD_LETTERS, EXPORTS, REQUESTS
from daybook.runtime.consuming.settings import ConsumerSettings
from daybook.runtime.storage_settings import StorageSettings
from pydantic import AliasChoices, Field


class Settings(ConsumerSettings, StorageSettings):
    """Read from the environment, prefix ``DAYBOOK_``."""

    group_id: Annotated[
        str,
        Field(
            description="Kafka consumer group.",
            # A name of its own: one environment may serve all services.
            validation_alias=AliasChoices("DAYBOOK_EXPORTER_GROUP_ID"),
        ),
    ] = "exporter"
    exports_topic: Annotated[
        str, Field(description="Topic of the exports that services ask for.")
    ] = EXPORTS
    requests_topic: Annotated[
        str, Field(description="Topic whose watermarks an export of logs waits for.")
    ] = REQUESTS
    dead_letters_topic: Annotated[
        str, Field(description="Topic of the records that nobody can use.")
    ] = DEAD_LETTERS
    exports_of_process: Annotated[
        int, Field(description="Most exports at once of one process.", ge=1)
    ] = 2  # each holds some 100 MB at most, and keeps a core busy
    exports_at_once: Annotated[
        int, Field(description="Most exports at once of all processes.", ge=1)
    ] = 8
    exports_of_project: Annotated[
        int, Field(description="Most exports at once of one project.", ge=1)
    ] = 2
    export_lease: Annotated[
        timedelta,
        Field(description="Silence after which an export is taken over."),
    ] = timedelta(seconds=30)
    watermarks_within: Annotated[
        timedelta,
        Field(description="How long an export waits for what ingest has not stored."),
    ] = timedelta(seconds=60)
    count_within: Annotated[
        timedelta, Field(description="How long the rows to come are counted.")
    ] = timedelta(seconds=10)
    storage_patience: Annotated[
        timedelta,
        Field(description="How long a storage that is away is waited for."),
    ] = timedelta(minutes=10)
