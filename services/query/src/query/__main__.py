"""``python -m query``: the API and the dashboard, until SIGTERM."""

import asyncio
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress

import uvicorn
from daybook.runtime.logging import configure_logging
from daybook.runtime.mongo import connect
from daybook.runtime.tracing import tracer_of
from prometheus_client import CollectorRegistry

from query.app import Surroundings, create_app
from query.settings import QuerySettings

# A request may be on its way over a connection on which there is none yet.
LINGER_S = 1.0


class Server(uvicorn.Server):
    """Cuts nobody off as it stops: it lets nobody in, says so, answers, and leaves.

    ``stopping`` is set as soon as nobody is let in any more: streams end, and whoever
    keeps a connection is told with his next answer that it is the last.
    """

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        self._stopping.set()
        # Connections without a request are cut next, whatever is on its way to us.
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while self.server_state.connections and not self.force_exit:  # noqa: ASYNC110 - uvicorn has no event for it
                    await asyncio.sleep(0.02)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Stop at the first, and hurry at a second SIGINT.

        uvicorn's own raises them again at the end, so that the process dies of one with
        its connections to the database open, and with an exit code of a failure.
        """
        heard = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self.handle_exit) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


async def serve(settings: QuerySettings) -> None:
    """Answer until told to stop, then give running requests a moment to end."""
    async with connect(settings.mongodb_uri, app_name="daybook-query") as client:
        tracer = tracer_of(settings, "query")
        surroundings = Surroundings(tracer=tracer)
        app = create_app(
            settings,
            client[settings.mongodb_database],
            registry=CollectorRegistry(),
            surroundings=surroundings,
        )
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            # Ours are set already.
            log_config=None,
            # Each request is a metric; a line for each would be the platform's load.
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=int(settings.shutdown_grace.total_seconds()),
        )
        await Server(config, surroundings.stopping).serve()
        await tracer.close()


def main() -> None:
    """Run the service with the environment's settings."""
    settings = QuerySettings()
    configure_logging(settings.log_level)
    asyncio.run(serve(settings))


if __name__ == "__main__":
    main()
