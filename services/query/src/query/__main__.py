"""``python -m query``: the API and the dashboard, until SIGTERM."""

import asyncio
import socket

import uvicorn
from daybook.runtime.logging import configure_logging
from daybook.runtime.mongo import connect
from prometheus_client import CollectorRegistry

from query.app import Surroundings, create_app
from query.settings import QuerySettings


class Server(uvicorn.Server):
    """Says that it stops before it waits for requests, so that streams end first."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping.set()
        await super().shutdown(sockets)


async def serve(settings: QuerySettings) -> None:
    """Answer until told to stop, then give running requests a moment to end."""
    async with connect(settings.mongodb_uri, app_name="daybook-query") as client:
        surroundings = Surroundings()
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


def main() -> None:
    """Run the service with the environment's settings."""
    settings = QuerySettings()
    configure_logging(settings.log_level)
    asyncio.run(serve(settings))


if __name__ == "__main__":
    main()
