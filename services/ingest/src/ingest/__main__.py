"""Run ingest: ``python -m ingest``."""

from daybook.runtime.consuming.service import serve
from daybook.runtime.logging import configure_logging

from ingest.app import Ingest
from ingest.settings import Settings


def main() -> None:
    """Run until SIGTERM or SIGINT; then drain, commit and leave."""
    settings = Settings()
    configure_logging(settings.log_level)
    serve(settings, lambda: Ingest(settings).app)


if __name__ == "__main__":
    main()
