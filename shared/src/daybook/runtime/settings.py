"""Settings that every service has: typed, described, injected."""

from typing import Annotated, Literal

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import SettingsConfigDict

from daybook.runtime.kafka_settings import KafkaSettings


class ServiceSettings(KafkaSettings):
    """Read from the environment once, in ``__main__``, and handed down.

    Names are upper case with the prefix ``DAYBOOK_``, except where another is given.
    """

    model_config = SettingsConfigDict(
        env_prefix="DAYBOOK_", extra="ignore", populate_by_name=True, frozen=True
    )

    mongodb_uri: Annotated[
        str,
        Field(
            description="MongoDB connection string.",
            validation_alias=AliasChoices("MONGODB_URI", "DAYBOOK_MONGODB_URI"),
        ),
    ] = "mongodb://127.0.0.1:27017/?directConnection=true"
    mongodb_database: Annotated[
        str, Field(description="The database that holds Daybook's collections.")
    ] = "daybook"
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"],
        Field(description="Least severe level that is logged."),
    ] = "INFO"
    health_host: Annotated[
        str, Field(description="Address that /livez, /readyz and /metrics listen on.")
    ] = "127.0.0.1"
    health_port: Annotated[
        int,
        Field(description="Port of the same; 0 takes a free one.", ge=0, le=65535),
    ] = 9100
    otlp_endpoint: Annotated[
        str | None,
        Field(
            description=(
                "Where traces are sent by OTLP over HTTP: http://HOST:4318. Without "
                "it none are made; those of others are handed on all the same."
            )
        ),
    ] = None
    trace_ratio: Annotated[
        float,
        Field(
            description=(
                "Share of the traces begun here that is kept; those begun elsewhere "
                "are kept where that is said of them."
            ),
            ge=0,
            le=1,
        ),
    ] = 1.0  # few begin here: most come with a request of the platform's

    @field_validator("otlp_endpoint")
    @classmethod
    def _address(cls, text: str | None) -> str | None:
        if not text:
            return None  # as a file of variables that lists it passes it on
        if not text.startswith(("http://", "https://")):
            raise ValueError("write it with http:// or https://")
        return text.rstrip("/")
