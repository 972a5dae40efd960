"""Run ingest: ``python -m ingest``."""

import uvicorn
import uvloop
from daybook.runtime.logging import configure_logging

from ingest.app import Ingest
from ingest.settings import Settings


def main() -> None:
    """Run until SIGTERM or SIGINT; then drain, commit and leave."""
    settings = Settings()
    configure_logging(settings.log_level)

    async def serve() -> None:
        # Made inside the loop: the database client belongs to one.
        server = uvicorn.Server(
            uvicorn.Config(
                Ingest(settings).app,
                host=settings.health_host,
                port=settings.health_port,
                log_config=None,
                access_log=False,
            )
        )
        await server.serve()

    uvloop.run(serve())


if __name__ == "__main__":
    main()
