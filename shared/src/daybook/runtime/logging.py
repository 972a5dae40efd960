"""Logging as every service sets it up: one line an entry, on standard error."""

import logging


def configure_logging(level: str) -> None:
    """Send everything at ``level`` and above to standard error."""
    logging.basicConfig(
        level=level,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        force=True,
    )
    # Both repeat on every reconnection what our own code says once.
    for noisy in ("aiokafka", "pymongo"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
