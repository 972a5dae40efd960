"""Settings of the services that stamp documents with their project's tier."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from daybook.runtime.settings import ServiceSettings
from daybook.storage.tiers import DEFAULT_TIERS, parse_tiers


class TierSettings(ServiceSettings):
    """Which tiers there are, and how a project's documents follow it to another."""

    tiers: Annotated[
        str,
        Field(
            description="Retention tiers as NAME=DURATION, comma-separated; "
            "the first is for projects without one."
        ),
    ] = DEFAULT_TIERS
    projects_refresh: Annotated[
        timedelta, Field(description="How often projects' tiers are read anew.")
    ] = timedelta(seconds=5)  # a tier may be 10 s old: half, to leave time for a retry
    tier_moves_per_second: Annotated[
        int,
        Field(
            description="Most stored documents a second that follow a project to "
            "another tier; what expires within the hour is not held back.",
            ge=1,
        ),
    ] = 2_000  # a small part of what a database takes: ingest comes first

    def tier_durations(self) -> dict[str, timedelta]:
        """The tiers, the default one first."""
        return parse_tiers(self.tiers)

    @property
    def tiers_known_within(self) -> timedelta:
        """How old what a process knows of projects' tiers may be."""
        return 2 * self.projects_refresh
