"""What a client can be told, checked when it is made."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypedDict

from daybook.client.ids import instance_id, uuid7
from daybook.events.topics import MEBIBYTE
from daybook.events.writing import PROJECT_ID
from daybook.runtime.clock import Clock, Stopwatch, monotonic, utc_now
from daybook.runtime.kafka import Brokers

WhenFull = Literal["drop_oldest", "block"]


class Options(TypedDict, total=False):
    """The keyword arguments of both faces; ``Settings`` says what each means."""

    project_id: str | None
    when_full: WhenFull
    block_timeout: timedelta
    max_queue_events: int
    max_queue_bytes: int
    linger: timedelta
    request_timeout: timedelta
    stall_timeout: timedelta
    close_timeout: timedelta
    exit_timeout: timedelta
    security_protocol: str
    ssl_context: ssl.SSLContext | None
    sasl_mechanism: str
    sasl_plain_username: str | None
    sasl_plain_password: str | None
    sasl_oauth_token_provider: Any
    clock: Clock
    stopwatch: Stopwatch
    new_id: Callable[[], str]
    new_instance_id: Callable[[], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Raises ``ValueError`` for what could never work, at construction only."""

    bootstrap_servers: str
    # The service's name; the client appends the instance: shop/4f1c9a02b7d3.
    source: str
    # For events published without one of their own.
    project_id: str | None = None
    when_full: WhenFull = "drop_oldest"
    # With when_full="block": how long SyncClient.publish and publish_wait wait.
    block_timeout: timedelta = timedelta(seconds=5)
    # Together the memory that the client takes at most: minutes of a busy service.
    max_queue_events: int = 20_000
    max_queue_bytes: int = 64 * MEBIBYTE
    # How long a first event waits for company: invisible in a log, kind to the broker.
    linger: timedelta = timedelta(milliseconds=20)
    request_timeout: timedelta = timedelta(seconds=10)
    # Without any acknowledgement for so long, connect anew and send again.
    stall_timeout: timedelta = timedelta(seconds=30)
    close_timeout: timedelta = timedelta(seconds=5)
    # For a client that nobody closed, when the interpreter exits.
    exit_timeout: timedelta = timedelta(seconds=2)
    # As aiokafka takes them.
    security_protocol: str = "PLAINTEXT"
    ssl_context: ssl.SSLContext | None = None
    sasl_mechanism: str = "PLAIN"
    sasl_plain_username: str | None = None
    sasl_plain_password: str | None = None
    sasl_oauth_token_provider: Any = None
    clock: Clock = utc_now
    stopwatch: Stopwatch = monotonic
    new_id: Callable[[], str] = uuid7
    new_instance_id: Callable[[], str] = instance_id

    def __post_init__(self) -> None:
        if not all(map(_is_address, self.bootstrap_servers.split(","))):
            raise ValueError(
                "bootstrap_servers must be host:port, comma-separated,"
                f" not {self.bootstrap_servers!r}"
            )
        if not self.source or not self.source.isprintable() or " " in self.source:
            raise ValueError(
                "source must be the service's name, without spaces,"
                f" not {self.source!r}"
            )
        if self.project_id is not None and not PROJECT_ID.fullmatch(self.project_id):
            raise ValueError(
                "project_id must be 1 to 64 of A-Z a-z 0-9 _ -,"
                f" not {self.project_id!r}"
            )
        if self.when_full not in ("drop_oldest", "block"):
            raise ValueError("when_full must be 'drop_oldest' or 'block'")
        if self.max_queue_events < 1 or self.max_queue_bytes < 1:
            raise ValueError("the queue must have room for something")
        if self.security_protocol not in _PROTOCOLS:
            raise ValueError(f"security_protocol must be one of {sorted(_PROTOCOLS)}")
        if self.security_protocol.endswith("SSL") and self.ssl_context is None:
            raise ValueError(f"{self.security_protocol} needs an ssl_context")
        if self.security_protocol.startswith("SASL") and (
            self.sasl_oauth_token_provider is None
            if self.sasl_mechanism == "OAUTHBEARER"
            else self.sasl_plain_username is None or self.sasl_plain_password is None
        ):
            raise ValueError(f"{self.sasl_mechanism} needs its credentials")

    @property
    def max_batch_bytes(self) -> int:
        """What one request to one partition carries before compression.

        Small beside the queue, since what is being sent cannot make way.
        """
        return max(16 * 1024, min(512 * 1024, self.max_queue_bytes // 16))


_PROTOCOLS = frozenset({"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"})


def _is_address(text: str) -> bool:
    host, _, port = text.strip().rpartition(":")
    return bool(host) and port.isascii() and port.isdigit() and 0 < int(port) < 65536


def from_environ(environ: Mapping[str, str]) -> tuple[Brokers, str, str | None]:
    """Brokers, source and project id; raises ``ValueError`` naming what is missing."""
    missing = [
        name
        for name in ("KAFKA_BOOTSTRAP_SERVERS", "DAYBOOK_SOURCE")
        if not environ.get(name)
    ]
    if missing:
        raise ValueError(f"set {' and '.join(missing)}")
    return (
        Brokers.from_environ(environ),
        environ["DAYBOOK_SOURCE"],
        environ.get("DAYBOOK_PROJECT_ID") or None,
    )
