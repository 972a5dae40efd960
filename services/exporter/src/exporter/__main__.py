"""Run the exporter: ``python -m exporter``."""

# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

import pyarrow as pa
from daybook.runtime.consuming.service import serve
from daybook.runtime.logging import configure_logging

from exporter.app import Exporter
from exporter.settings import Settings


def main() -> None:
    """Run until SIGTERM or SIGINT; then let go of what runs, commit and leave."""
    settings = Settings()
    configure_logging(settings.log_level)
    # Arrow's own pools keep what was freed: a third more resident, measured.
    pa.set_memory_pool(pa.system_memory_pool())
    serve(settings, lambda: Exporter(settings).app)


if __name__ == "__main__":
    main()
