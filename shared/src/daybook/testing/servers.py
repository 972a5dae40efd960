"""Which servers the tests run against, and how a test holds one of its own."""

from collections.abc import Mapping
from enum import Enum
from typing import Protocol


class Source(Enum):
    """Where a server of the tests comes from."""

    GIVEN = "its address is in the environment"
    DOCKER = "testcontainers starts it"
    EMBEDDED = "daybook-local starts it, by the code behind `make run`"


def kafka_source(environment: Mapping[str, str]) -> Source:
    """An address beats Docker, Docker beats the embedded server."""
    return _source(environment, "KAFKA_BOOTSTRAP_SERVERS")


def mongodb_source(environment: Mapping[str, str]) -> Source:
    """As :func:`kafka_source`, by ``MONGODB_URI``."""
    return _source(environment, "MONGODB_URI")


def _source(environment: Mapping[str, str], address: str) -> Source:
    if environment.get(address):
        return Source.GIVEN
    if environment.get("DAYBOOK_TEST_DOCKER", "0") not in ("", "0"):
        return Source.DOCKER
    return Source.EMBEDDED


class ServerHandle(Protocol):
    """A server of one test's own: it may be broken at will."""

    @property
    def address(self) -> str:
        """Bootstrap servers or connection string; the same after every restart."""
        ...

    @property
    def pid(self) -> int | None:
        """None while it is not running."""
        ...

    async def start(self) -> None:
        """Start it where it was, with its data, and return when it serves."""
        ...

    async def stop(self) -> None:
        """Stop it in good order; its data stays."""
        ...

    async def restart(self) -> None:
        """Stop and start."""
        ...

    async def kill(self) -> None:
        """SIGKILL; it is away until ``start``."""
        ...

    def freeze(self) -> None:
        """SIGSTOP: it keeps its connections and answers nothing, until ``thaw``."""
        ...

    def thaw(self) -> None:
        """SIGCONT."""
        ...
