"""Run the exporter: ``python -m exporter``."""

from daybook.runtime.consuming.service import serve
from daybook.runtime.logging import configure_logging

from exporter.app import Exporter
from exporter.settings import Settings


def main() -> None:
    """Run until SIGTERM or SIGINT; then let go of what runs, commit and leave."""
    settings = Settings()
    configure_logging(settings.log_level)
    serve(settings, lambda: Exporter(settings).app)


if __name__ == "__main__":
    main()
