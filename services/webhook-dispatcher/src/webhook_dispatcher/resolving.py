"""Looking a name up: once a connection, each address of the answer judged."""

# pycares names its constants at run time, and its addresses are plain tuples.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import asyncio
import socket
from collections.abc import Sequence
from typing import Any, Protocol

import aiodns
from aiohttp.abc import AbstractResolver, ResolveResult
from daybook.webhooks.addresses import AddressRules, Refused

# Two tries of so long end well within an attempt, which then can say that it was DNS.
_TRY_S = 2.0
_TRIES = 2
_ABSENT: frozenset[int] = frozenset(
    {aiodns.error.ARES_ENOTFOUND, aiodns.error.ARES_ENODATA}
)


class NameNotFound(OSError):
    """The name does not exist, has no address, or could not be looked up."""

    def __init__(self, detail: str = "") -> None:
        self.detail = detail
        super().__init__(f"name not found: {detail}" if detail else "name not found")


class BlockedAddress(OSError):
    """The guard refuses the address; the text says which and why."""


class Lookup(Protocol):
    async def addresses(self, host: str) -> Sequence[str]:
        """IP addresses of a name; raises :class:`NameNotFound` where there is none."""
        ...

    async def close(self) -> None: ...


class DnsLookup:
    """Asks the machine's name servers (or ``servers``), after its hosts file.

    Waits in no thread, so that a name that hangs holds up no other. Make it in the loop
    that uses it.
    """

    def __init__(self, servers: Sequence[str] | None = None) -> None:
        self._resolver = aiodns.DNSResolver(servers, timeout=_TRY_S, tries=_TRIES)
        self._asked: set[asyncio.Future[Any]] = set()

    async def addresses(self, host: str) -> Sequence[str]:
        question = self._resolver.getaddrinfo(
            host, family=socket.AF_UNSPEC, type=socket.SOCK_STREAM
        )
        self._asked.add(question)
        question.add_done_callback(self._answered)
        try:
            # Whoever gives up waiting does not take the question back.
            found = await asyncio.shield(question)
        except aiodns.error.DNSError as error:
            code, text = error.args[0], str(error.args[-1])
            raise NameNotFound("" if code in _ABSENT else text.lower()) from error
        return [_text(node.addr[0]) for node in found.nodes]

    async def close(self) -> None:
        """Take back what is asked; nothing answers any more after this."""
        self._resolver.cancel()
        # The resolver's own thread answers into this loop, which may end after this.
        await asyncio.gather(*self._asked, return_exceptions=True)
        await self._resolver.close()

    def _answered(self, question: asyncio.Future[Any]) -> None:
        self._asked.discard(question)
        if not question.cancelled():
            question.exception()  # whoever asked may be gone


class GuardedResolver(AbstractResolver):
    """Answers only with addresses that may be connected to.

    A name with one refused address is refused whole: whoever mixes them is after
    something. Nobody looks the name up again between this answer and the connection.
    """

    def __init__(self, lookup: Lookup, rules: AddressRules) -> None:
        self._lookup = lookup
        self._rules = rules

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises :class:`NameNotFound` and :class:`BlockedAddress`."""
        addresses = await self._lookup.addresses(host)
        if not addresses:
            raise NameNotFound("it has no address")
        for address in addresses:
            judge(self._rules, address)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        await self._lookup.close()


def judge(rules: AddressRules, address: str) -> None:
    """Raise :class:`BlockedAddress` unless the address may be connected to."""
    try:
        rules.judge_address(address)
    except Refused as refused:
        raise BlockedAddress(str(refused)) from refused


def _text(address: str | bytes) -> str:
    return address.decode() if isinstance(address, bytes) else address
