"""Certificates made for the test, names that resolve as it says, and a sender."""

# trustme also takes PyOpenSSL's contexts, which are not installed.
# pyright: reportUnknownMemberType=false

import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime

import pytest
import pytest_asyncio
import trustme
from daybook.runtime.clock import monotonic, utc_now
from daybook.webhooks.addresses import AddressRules, networks
from webhook_dispatcher.resolving import NameNotFound
from webhook_dispatcher.sender import Sender
from webhook_dispatcher.transport import GuardedTransport

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Names:
    """A lookup whose answers are written down; the last one of a name stays."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Sequence[str]]] = {}
        self.asked: list[str] = []

    def say(self, host: str, *answers: Sequence[str]) -> None:
        self.answers[host] = list(answers)

    async def addresses(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        answers = self.answers.get(host)
        if not answers:
            raise NameNotFound
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def close(self) -> None:
        """There is nothing to close."""


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> Callable[..., ssl.SSLContext]:
    """A server's side of TLS, for a name, by the trusted authority or another."""

    def make(
        name: str,
        *,
        issuer: trustme.CA | None = None,
        expires: datetime | None = None,
    ) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued = (issuer or authority).issue_cert(
            name,
            not_before=datetime(2020, 1, 1, tzinfo=UTC) if expires else None,
            not_after=expires,
        )
        issued.configure_cert(context)
        return context

    return make


@pytest.fixture(scope="session")
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest_asyncio.fixture
async def new_transport(
    names: Names, client_tls: ssl.SSLContext
) -> AsyncIterator[Callable[..., GuardedTransport]]:
    """Transports that reach 127.0.0.1 alone, unless told otherwise."""
    made: list[GuardedTransport] = []

    def make(
        allowed: Sequence[str] = ("127.0.0.1/32",),
        *,
        plain_http: bool = True,
        idle_s: float = 4.0,
        most_connections: int = 2000,
    ) -> GuardedTransport:
        rules = AddressRules(networks(allowed), plain_http=plain_http)
        transport = GuardedTransport(
            rules,
            names,
            client_tls,
            idle_s=idle_s,
            most_connections=most_connections,
        )
        made.append(transport)
        return transport

    yield make
    for transport in made:
        await transport.aclose()


@pytest.fixture
def new_sender(
    new_transport: Callable[..., GuardedTransport],
) -> Callable[..., Sender]:
    def make(*args: object, **kwargs: object) -> Sender:
        return Sender(new_transport(*args, **kwargs), utc_now, monotonic)

    return make


@pytest_asyncio.fixture
async def sender(new_sender: Callable[..., Sender]) -> Sender:
    return new_sender()
