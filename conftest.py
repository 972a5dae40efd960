"""What holds for every test of the workspace."""

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure: neither a slow example nor slow generation is.
settings.register_profile(
    "daybook", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("daybook")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright keeps an event loop running in this thread
    once it has started, beside which no other test's loop can run."""
    items.sort(key=lambda item: "browser" in item.path.parts)
