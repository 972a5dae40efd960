"""What a person can set."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read from the environment once, in `__main__`."""

    # An empty variable is how a shell says "not set".
    model_config = SettingsConfigDict(
        extra="ignore", frozen=True, env_ignore_empty=True, populate_by_name=True
    )

    kafka_bootstrap_servers: Annotated[
        str | None,
        Field(
            description="A Kafka to use instead of starting one.",
            validation_alias="KAFKA_BOOTSTRAP_SERVERS",
        ),
    ] = None
    mongodb_uri: Annotated[
        str | None,
        Field(
            description="A MongoDB to use instead of starting one.",
            validation_alias="MONGODB_URI",
        ),
    ] = None
    storage_url: Annotated[
        str | None,
        Field(
            description="An object storage to use instead of a folder beside the data.",
            validation_alias="DAYBOOK_STORAGE_URL",
        ),
    ] = None
    state_dir: Annotated[
        Path,
        Field(
            description="Where data, logs and keys are.",
            validation_alias="DAYBOOK_STATE_DIR",
        ),
    ] = Path(".daybook")
