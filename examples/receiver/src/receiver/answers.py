"""What a path tells the receiver to answer."""

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from receiver.server import transport_of

# Statuses whose answers have no body.
_BARE: Final = (204, 205, 304)
_ENDLESS: Final = b"and so on " * 6_000


@dataclass(frozen=True, slots=True)
class Answer:
    """The status, None where none is sent whole, and the sending."""

    status: int | None
    send: Callable[[Request], Awaitable[Response]]


class Untold(ValueError):
    """The path tells nothing."""


def told(
    path: str, query: Mapping[str, str], *, earlier: int, reason: str | None
) -> Answer:
    """What ``path`` tells; ``earlier`` counts this webhook's arrivals before, and
    ``reason`` is why it is not verified. What tells nothing is told 404."""
    try:
        return _told(path, query, earlier, reason)
    except Untold as error:
        return _plain(404, str(error))


def _told(
    path: str, query: Mapping[str, str], earlier: int, reason: str | None
) -> Answer:
    match path.split("/"):
        case ["ok"]:
            return _plain(200)
        case ["verified"]:
            return _plain(200) if reason is None else _plain(401, reason)
        case ["status", code]:
            return _plain(_number(code, 200, 599))
        case ["retry-after", seconds]:
            asked = _number(seconds, 0, 10**9)
            return _plain(429, headers={"retry-after": str(asked)})
        case ["gone"]:
            return _plain(410)
        case ["redirect"]:
            return _plain(302, headers={"location": query.get("to", "/hooks/ok")})
        case ["flaky"]:
            fails = _number(query.get("fail", "3"), 0, 10**9)
            broken = _number(query.get("status", "503"), 200, 599)
            return _plain(broken if earlier < fails else 200)
        case ["slow"]:
            return _slow(_seconds(query, "1000"))
        case ["hang"]:
            return Answer(None, _hang)
        case ["reset"]:
            return Answer(None, _reset)
        case ["endless"]:
            return _stream(_ENDLESS, pause_s=0)
        case ["drip"]:
            return _stream(b".", _seconds(query, "1000"))
        case ["drip", "head"]:
            return _drip_head(_seconds(query, "1000"))
        case _:
            raise Untold("no answer is told by this path")


def _number(text: str, least: int, most: int) -> int:
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    if digits and least <= int(text) <= most:
        return int(text)
    raise Untold(f"{text[:20]!r} is no number from {least} to {most}")


def _seconds(query: Mapping[str, str], default_ms: str) -> float:
    return _number(query.get("ms", default_ms), 0, 10**9) / 1000


def _plain(
    status: int, words: str = "", headers: Mapping[str, str] | None = None
) -> Answer:
    async def send(_: Request) -> Response:
        if status in _BARE:
            return Response(status_code=status, headers=headers)
        return PlainTextResponse(words or f"told to answer {status}", status, headers)

    return Answer(status, send)


def _slow(seconds: float) -> Answer:
    async def send(request: Request) -> Response:
        await _gone(request, within_s=seconds)
        return PlainTextResponse(f"after {seconds:g} s")

    return Answer(200, send)


def _stream(piece: bytes, pause_s: float) -> Answer:
    async def pieces() -> AsyncGenerator[bytes]:
        while True:
            yield piece
            await asyncio.sleep(pause_s)

    async def send(_: Request) -> Response:
        return StreamingResponse(pieces(), media_type="text/plain")

    return Answer(200, send)


def _drip_head(pause_s: float) -> Answer:
    async def send(request: Request) -> Response:
        transport = transport_of(request.scope)
        # The reason phrase goes on for ever, and with it the status line.
        for byte in chain(b"HTTP/1.1 200 ", repeat(ord("."))):
            transport.write(bytes([byte]))
            if await _gone(request, within_s=pause_s):
                break
        return Response()  # nobody is there to get it

    return Answer(None, send)


async def _hang(request: Request) -> Response:
    await _gone(request)
    return Response()  # nobody is there to get it


async def _reset(request: Request) -> Response:
    transport = transport_of(request.scope)
    peer: socket.socket = transport.get_extra_info("socket")
    # To linger for no time: closing sends RST in place of FIN.
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    return await _hang(request)


async def _gone(request: Request, within_s: float | None = None) -> bool:
    """Wait until the sender has hung up, or for so long; whether it has."""
    try:
        async with asyncio.timeout(within_s):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True
