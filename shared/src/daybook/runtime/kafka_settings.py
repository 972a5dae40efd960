"""Settings of whatever reaches Kafka and reads its environment with pydantic."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AliasChoices,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from daybook.runtime import kafka
from daybook.runtime.kafka import Brokers, SaslMechanism, SecurityProtocol


def _named(variable: str) -> AliasChoices:
    return AliasChoices(variable, f"DAYBOOK_{variable}")


class KafkaSettings(BaseSettings):
    """Where Kafka is and who asks it."""

    model_config = SettingsConfigDict(
        env_prefix="DAYBOOK_",
        extra="ignore",
        populate_by_name=True,
        frozen=True,
        # What is refused is told on a console and in a log: not with a password in it.
        hide_input_in_errors=True,
    )

    kafka_bootstrap_servers: Annotated[
        str,
        Field(
            description="Kafka brokers as host:port, comma-separated.",
            validation_alias=_named(kafka.SERVERS),
        ),
    ] = "127.0.0.1:9092"
    kafka_security_protocol: Annotated[
        SecurityProtocol,
        Field(
            description="How they are talked to: encrypted (SSL), by a user (SASL).",
            validation_alias=_named(kafka.PROTOCOL),
        ),
    ] = "PLAINTEXT"
    kafka_sasl_mechanism: Annotated[
        SaslMechanism,
        Field(
            description="How the user's password is proved.",
            validation_alias=_named(kafka.MECHANISM),
        ),
    ] = "SCRAM-SHA-512"
    kafka_sasl_username: Annotated[
        str | None,
        Field(
            description="Kafka's user, with SASL.",
            validation_alias=_named(kafka.USERNAME),
        ),
    ] = None
    kafka_sasl_password: Annotated[
        SecretStr | None,
        Field(
            description="That user's password.",
            validation_alias=_named(kafka.PASSWORD),
        ),
    ] = None
    kafka_ssl_ca_file: Annotated[
        Path | None,
        Field(
            description="Certificates to trust instead of the system's, as PEM.",
            validation_alias=_named(kafka.CA_FILE),
        ),
    ] = None

    @field_validator(
        "kafka_security_protocol",
        "kafka_sasl_mechanism",
        "kafka_ssl_ca_file",
        mode="before",
    )
    @classmethod
    def _empty_is_not_set(cls, given: Any, info: ValidationInfo) -> Any:
        default = cls.model_fields[info.field_name or ""].default
        return default if given == "" else given

    @model_validator(mode="after")
    def _can_work(self) -> Self:
        self.brokers.security()
        return self

    @property
    def brokers(self) -> Brokers:
        """What everything that connects to Kafka is made with."""
        password = self.kafka_sasl_password
        return Brokers(
            self.kafka_bootstrap_servers,
            self.kafka_security_protocol,
            self.kafka_sasl_mechanism,
            self.kafka_sasl_username or None,
            None if password is None else password.get_secret_value() or None,
            self.kafka_ssl_ca_file,
        )
