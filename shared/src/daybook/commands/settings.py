"""What the commands are told by the environment."""

from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from daybook.events.topics import DEAD_LETTERS
from daybook.runtime.kafka_settings import KafkaSettings


class DeadLetterSettings(KafkaSettings):
    """Settings of ``daybook dead-letters``: the same names as the services have."""

    # An empty variable is how a shell says "not set".
    model_config = SettingsConfigDict(
        env_prefix="DAYBOOK_",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
        frozen=True,
    )

    dead_letters_topic: Annotated[
        str, Field(description="Topic for records that cannot be stored.")
    ] = DEAD_LETTERS
