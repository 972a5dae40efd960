"""What the commands are told by the environment."""

from typing import Annotated

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from daybook.events.topics import DEAD_LETTERS


class DeadLetterSettings(BaseSettings):
    """Settings of ``daybook dead-letters``: the same names as the services have."""

    # An empty variable is how a shell says "not set".
    model_config = SettingsConfigDict(
        env_prefix="DAYBOOK_",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
        frozen=True,
    )

    kafka_bootstrap_servers: Annotated[
        str,
        Field(
            description="Kafka brokers as host:port, comma-separated.",
            validation_alias=AliasChoices(
                "KAFKA_BOOTSTRAP_SERVERS", "DAYBOOK_KAFKA_BOOTSTRAP_SERVERS"
            ),
        ),
    ] = "127.0.0.1:9092"
    dead_letters_topic: Annotated[
        str, Field(description="Topic for records that cannot be stored.")
    ] = DEAD_LETTERS
