"""A receiver of webhooks for tests: real sockets on the loopback, answers by script."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self

Answer = Callable[["Received", asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Received:
    """One request, as it came."""

    line: str  # method, target, version
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int  # which of the receiver's connections, from 1

    def header(self, name: str) -> str:
        return dict((n.lower(), value) for n, value in self.headers)[name.lower()]


def reply(
    status: int = 200, body: bytes = b"ok", headers: dict[str, str] | None = None
) -> Answer:
    """Answer in good order, and keep the connection."""
    lines = {"content-length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return raw(f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + body)


def raw(answer: bytes, *, close: bool = False) -> Answer:
    """Answer with these bytes."""

    async def send(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        if close:
            writer.close()

    return send


def drip(
    before: bytes, each: bytes = b"x", *, every_s: float = 0.02, times: int = 10**9
) -> Answer:
    """Answer with ``before``, then ``each`` again and again."""

    async def send(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(before)
        for _again in range(times):
            writer.write(each)
            await writer.drain()
            await asyncio.sleep(every_s)

    return send


async def hang(_: Received, _writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def reset(_: Received, writer: asyncio.StreamWriter) -> None:
    """Hang up, hard."""
    writer.transport.abort()


@dataclass
class Receiver:
    """Listens while it is entered; ``answer`` may be changed at any time."""

    answer: Answer = field(default_factory=reply)
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    greeting: bytes = b""  # said at once to whoever connects
    hang_up: bool = False  # on whoever connects
    requests: list[Received] = field(default_factory=list["Received"], init=False)
    connections: int = field(default=0, init=False)  # in all
    open: int = field(default=0, init=False)
    port: int = field(default=0, init=False)

    async def __aenter__(self) -> Self:
        self._handlers: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(
            self._serve, self.host, 0, ssl=self.tls, backlog=2048
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for handler in self._handlers:
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        await self._server.wait_closed()

    def url(self, host: str = "127.0.0.1", path: str = "/hook") -> str:
        """Where it is, by this name."""
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{host}:{self.port}{path}"

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        self.connections += 1
        self.open += 1
        # Senders that give up are what these tests are about.
        gone = (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError)
        try:
            with contextlib.suppress(*gone, asyncio.CancelledError):
                await self._converse(reader, writer, self.connections)
        finally:
            self.open -= 1
            self._handlers.discard(task)
            writer.transport.abort()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        if self.hang_up:
            return
        writer.write(self.greeting)
        begun = b""
        while not writer.is_closing():
            rest = await reader.readuntil(b"\r\n\r\n")
            line, *lines = (begun + rest).decode("latin-1").strip().split("\r\n")
            headers = tuple(
                (name, value.strip())
                for name, _, value in (one.partition(":") for one in lines)
            )
            length = {name.lower(): value for name, value in headers}
            body = await reader.readexactly(int(length.get("content-length", 0)))
            received = Received(line, headers, body, number)
            self.requests.append(received)
            begun = await self._answer(received, reader, writer)

    async def _answer(
        self,
        received: Received,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bytes:
        """Answer, unless the sender hangs up; the first byte of what it says next."""
        answering = asyncio.ensure_future(self.answer(received, writer))
        listening = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait(
                {answering, listening}, return_when=asyncio.FIRST_COMPLETED
            )
            if listening.done() and not listening.result():
                raise ConnectionResetError
            await answering
            return listening.result() if listening.done() else b""
        finally:
            answering.cancel()
            listening.cancel()
            await asyncio.gather(answering, listening, return_exceptions=True)
