"""httpx over aiohttp's connections, with the address guard inside them.

httpx's own pool took ten times the processor time a request, and did not finish at a
thousand requests at once; httpx-aiohttp spells the URL anew (``%2f`` becomes ``/``), so
that a signed one may not be what it was.
"""

# aiohttp does not say what an address of another family looks like.
# pyright: reportUnknownMemberType=false

import asyncio
import io
import socket
import ssl
import weakref
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import certifi
import httpx
import yarl
from daybook.webhooks.addresses import AddressRules, Refused

from webhook_dispatcher.resolving import (
    BlockedAddress,
    GuardedResolver,
    Lookup,
    judge,
)

# Node and uvicorn close at 5 s: whoever keeps a connection longer meets the moment in
# which the other side closes it.
IDLE_S = 4.0
MOST_CONNECTIONS = 2000
# So many seconds judged addresses are used again, by names that are sent to at once.
_ANSWER_S = 10
# Everything about time is the caller's, who bounds the whole request.
_NO_TIMEOUT = aiohttp.ClientTimeout()
_LARGE = 512 * 1024
# What was not asked for is not sent, so that the record of an attempt is complete.
_NOT_ADDED = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


class GuardedTransport(httpx.AsyncBaseTransport):
    """Connects to no address that the rules refuse, wherever it comes from.

    Follows no redirect, knows no proxy, keeps no cookie, undoes no content-encoding;
    has no timeout of its own. Connections are kept ``idle_s`` for the next request to
    the same host and port; beyond ``most_connections`` requests wait. A body that was
    not read to its end costs its connection. Make it in the loop that uses it.
    """

    def __init__(
        self,
        rules: AddressRules,
        lookup: Lookup,
        tls: ssl.SSLContext,
        *,
        most_connections: int = MOST_CONNECTIONS,
        idle_s: float = IDLE_S,
    ) -> None:
        self._rules = rules
        self._resolver = GuardedResolver(lookup, rules)
        self._most = most_connections
        self._sockets = weakref.WeakSet[socket.socket]()
        self._session = aiohttp.ClientSession(
            connector=_Connector(
                may_keep=self._may_keep,
                resolver=self._resolver,
                ttl_dns_cache=_ANSWER_S,
                ssl=tls,
                limit=most_connections,
                keepalive_timeout=idle_s,
                socket_factory=self._judged_socket,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=_NO_TIMEOUT,
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=_NOT_ADDED,
        )

    @property
    def connections(self) -> int:
        """How many are open, idle ones included."""
        return len(self._sockets)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send, and return once the answer's headers are there.

        Raises :class:`httpx.TransportError`, whose causes say what was wrong.
        """
        url = str(request.url)
        with _as_httpx(request):
            try:
                self._rules.judge_url(url)
            except Refused as refused:
                raise BlockedAddress(str(refused)) from refused
            # Two turns of the loop: a hang-up that is here already is seen before its
            # connection is used again.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            try:
                answer = await self._send(request, url)
            except aiohttp.ClientOSError as error:
                if not _was_not_written(error):
                    raise
                answer = await self._send(request, url)
        return httpx.Response(
            answer.status,
            headers=answer.raw_headers,
            stream=_Body(request, answer),
            request=request,
        )

    async def _send(self, request: httpx.Request, url: str) -> aiohttp.ClientResponse:
        body = await request.aread()
        return await self._session.request(
            request.method,
            yarl.URL(url, encoded=True),
            headers=[
                (_text(name), _text(value)) for name, value in request.headers.raw
            ],
            # What is large is written in pieces, so that the loop goes on meanwhile.
            data=body if len(body) <= _LARGE else io.BytesIO(body),
            allow_redirects=False,
        )

    async def aclose(self) -> None:
        await self._session.close()
        await self._resolver.close()

    def _judged_socket(self, addr_info: Any) -> socket.socket:
        """The last door: no connection is made but through a socket from here."""
        family, kind, protocol, _, address = addr_info
        judge(self._rules, address[0])
        made = _Socket(family, kind, protocol)
        made.closed_from = self._sockets.discard
        self._sockets.add(made)
        return made

    def _may_keep(self) -> bool:
        return len(self._sockets) <= self._most


class _Connector(aiohttp.TCPConnector):
    """Bounds idle connections too; aiohttp's own limit counts those in use alone."""

    def __init__(self, *, may_keep: Callable[[], bool], **options: Any) -> None:
        super().__init__(**options)
        self._may_keep = may_keep

    def _release(self, key: Any, protocol: Any, *, should_close: bool = False) -> None:
        # Not public, so a test tells if it is not called any more.
        should_close = should_close or not self._may_keep()
        super()._release(key, protocol, should_close=should_close)


class _Socket(socket.socket):
    """Tells when it is closed; one that is only forgotten leaves by its weakness."""

    closed_from: Callable[[socket.socket], None] | None = None

    def close(self) -> None:
        super().close()
        if self.closed_from is not None:
            self.closed_from(self)


class _Body(httpx.AsyncByteStream):
    """An answer's body as it comes; whoever stops early closes the connection."""

    def __init__(self, request: httpx.Request, answer: aiohttp.ClientResponse) -> None:
        self._request = request
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx(self._request):
            async for chunk in self._answer.content.iter_any():
                yield chunk

    async def aclose(self) -> None:
        if not self._answer.content.at_eof():  # there it has let go by itself
            self._answer.close()


def trusting(ca_file: Path | None = None) -> ssl.SSLContext:
    """Checks certificates against the public authorities, and those of ``ca_file``."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


def _was_not_written(error: aiohttp.ClientOSError) -> bool:
    """Whether the connection was closed before the request was handed to it whole.

    Then the receiver cannot have acted on it, and sending it anew repeats nothing.
    """
    return isinstance(error, aiohttp.ClientConnectionResetError) or isinstance(
        error.__cause__, aiohttp.ClientConnectionResetError
    )


def _text(raw: bytes) -> str:
    return raw.decode("latin-1")


@contextmanager
def _as_httpx(request: httpx.Request) -> Generator[None]:
    try:
        yield
    except (aiohttp.ClientConnectorError, BlockedAddress) as error:
        raise httpx.ConnectError(str(error), request=request) from error
    except aiohttp.ClientResponseError as error:
        raise httpx.RemoteProtocolError(error.message, request=request) from error
    except (aiohttp.ClientError, OSError) as error:
        raise httpx.ReadError(str(error), request=request) from error
