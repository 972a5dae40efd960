"""A way to a server that breaks at one message: for faults in just that moment."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

# What is held back: the message itself, or the answer to it, which was done then. Or
# the connection is cut in the middle of it, and nothing is held.
Held = Literal["message", "answer", "connection"]


@dataclass
class Way:
    """Passes all on to ``host`` and ``port``, until a message has ``text`` in it.

    From then on its connection hears nothing any more, or is cut; others work, and
    later ones. ``held`` is set in that moment.
    """

    host: str
    port: int
    text: bytes
    what: Held
    held: asyncio.Event = field(default_factory=asyncio.Event)
    _open: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])
    _empty: asyncio.Event = field(default_factory=asyncio.Event)

    async def connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        there, back = await asyncio.open_connection(self.host, self.port)
        self._open |= {writer, back}
        self._empty.clear()
        silent = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._asked(reader, back, silent))
                both.create_task(_answered(there, writer, silent))
        except* (ConnectionError, EOFError):
            pass
        finally:
            for one in (writer, back):
                one.close()
                with suppress(ConnectionError):
                    await one.wait_closed()
            self._open -= {writer, back}
            if not self._open:
                self._empty.set()

    async def close(self) -> None:
        """Close all connections, and return once they are."""
        for one in self._open:
            one.close()
        if self._open:
            await self._empty.wait()

    async def _asked(
        self,
        reader: asyncio.StreamReader,
        back: asyncio.StreamWriter,
        silent: asyncio.Event,
    ) -> None:
        before = b""
        while chunk := await reader.read(65_536):
            # A text that is cut by two reads counts too.
            seen = before + chunk
            before = seen[-len(self.text) :]
            if self.text in seen and not self.held.is_set():
                self.held.set()
                silent.set()
                if self.what == "connection":
                    raise EOFError
            if silent.is_set() and self.what == "message":
                continue
            back.write(chunk)
            await back.drain()
        raise EOFError


async def _answered(
    there: asyncio.StreamReader, writer: asyncio.StreamWriter, silent: asyncio.Event
) -> None:
    while chunk := await there.read(65_536):
        if not silent.is_set():
            writer.write(chunk)
            await writer.drain()
    raise EOFError


@asynccontextmanager
async def holding(
    host: str, port: int, text: bytes, what: Held
) -> AsyncGenerator[tuple[str, Way]]:
    """Such a way: its address as ``host:port``, and itself."""
    way = Way(host, port, text, what)
    server = await asyncio.start_server(way.connected, "127.0.0.1", 0)
    ours = server.sockets[0].getsockname()
    try:
        yield f"{ours[0]}:{ours[1]}", way
    finally:
        server.close()
        await way.close()
