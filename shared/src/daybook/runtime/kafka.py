"""How Kafka is reached: addresses, protocol, credentials, and whom to trust.

Everything that connects takes its keyword arguments from here: services, commands and
the client library. This module stands on aiokafka's names alone.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypedDict, cast, get_args

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

# The variables, for services and for clients alike.
SERVERS = "KAFKA_BOOTSTRAP_SERVERS"
PROTOCOL = "KAFKA_SECURITY_PROTOCOL"
MECHANISM = "KAFKA_SASL_MECHANISM"
USERNAME = "KAFKA_SASL_USERNAME"
PASSWORD = "KAFKA_SASL_PASSWORD"  # noqa: S105 - a variable's name
CA_FILE = "KAFKA_SSL_CA_FILE"


class Security(TypedDict):
    """aiokafka's keyword arguments about who connects how; a client's options too."""

    security_protocol: SecurityProtocol
    ssl_context: ssl.SSLContext | None
    sasl_mechanism: SaslMechanism
    sasl_plain_username: str | None
    sasl_plain_password: str | None


class KafkaMisconfigured(ValueError):
    """What is said of Kafka's security could never work."""


@dataclass(frozen=True, slots=True)
class Brokers:
    """Where the brokers are and how they are talked to; opens nothing.

    Raises :class:`KafkaMisconfigured` for what could never work.
    """

    servers: str
    security_protocol: SecurityProtocol = "PLAINTEXT"
    sasl_mechanism: SaslMechanism = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    # Certificates to trust instead of the system's, as PEM.
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        protocol, mechanism = self.security_protocol, self.sasl_mechanism
        _one_of(PROTOCOL, protocol, get_args(SecurityProtocol))
        _one_of(MECHANISM, mechanism, get_args(SaslMechanism))
        given = self.username, self.password
        if protocol.startswith("SASL") and not all(given):
            raise KafkaMisconfigured(f"{protocol} needs {USERNAME} and {PASSWORD}")
        # Else who gave them would believe that they are used.
        if not protocol.startswith("SASL") and any(given):
            raise KafkaMisconfigured(
                f"{protocol} sends no credentials: set {PROTOCOL} to SASL_SSL or"
                f" SASL_PLAINTEXT, or neither {USERNAME} nor {PASSWORD}"
            )
        if not protocol.endswith("SSL") and self.ca_file is not None:
            raise KafkaMisconfigured(
                f"{protocol} checks no certificate: set {PROTOCOL} to SASL_SSL or SSL,"
                f" or no {CA_FILE}"
            )

    @classmethod
    def of(cls, brokers: "Brokers | str") -> "Brokers":
        """Addresses alone are brokers that are reached in plain text."""
        return cls(brokers) if isinstance(brokers, str) else brokers

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Brokers":
        """As the variables have it; one that is empty is not set."""
        ca_file = environ.get(CA_FILE)
        return cls(
            environ.get(SERVERS, ""),
            cast("SecurityProtocol", environ.get(PROTOCOL) or "PLAINTEXT"),
            cast("SaslMechanism", environ.get(MECHANISM) or "SCRAM-SHA-512"),
            environ.get(USERNAME) or None,
            environ.get(PASSWORD) or None,
            Path(ca_file) if ca_file else None,
        )

    def security(self) -> Security:
        """All but the addresses; reads the file of certificates.

        Raises :class:`KafkaMisconfigured` where that cannot be read.
        """
        return {
            "security_protocol": self.security_protocol,
            "ssl_context": self._trust(),
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
        }

    def options(self) -> dict[str, Any]:
        """What every consumer, producer and admin client of aiokafka is made with."""
        return {"bootstrap_servers": self.servers, **self.security()}

    def _trust(self) -> ssl.SSLContext | None:
        if not self.security_protocol.endswith("SSL"):
            return None
        try:
            return ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:  # of ssl too, where it holds no certificate
            raise KafkaMisconfigured(
                f"{CA_FILE}: cannot use {self.ca_file}: {error}"
            ) from error


def _one_of(name: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise KafkaMisconfigured(f"{name} must be one of {', '.join(known)}")
