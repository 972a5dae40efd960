"""What holds for every test of the workspace."""

from hypothesis import HealthCheck, settings

# A busy machine is no failure: neither a slow example nor slow generation is.
settings.register_profile(
    "daybook", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("daybook")
