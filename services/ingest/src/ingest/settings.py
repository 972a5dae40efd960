"""Ingest's settings."""

from datetime import timedelta
from typing import Annotated

from daybook.events.topics import DEAD_LETTERS, MEBIBYTE, REQUESTS
from daybook.runtime.settings import ServiceSettings
from daybook.storage.tiers import DEFAULT_TIERS, parse_tiers
from pydantic import Field


class Settings(ServiceSettings):
    """Read from the environment, prefix ``DAYBOOK_``."""

    group_id: Annotated[str, Field(description="Kafka consumer group.")] = "ingest"
    requests_topic: Annotated[str, Field(description="Topic of the API requests.")] = (
        REQUESTS
    )
    dead_letters_topic: Annotated[
        str, Field(description="Topic for records that cannot be stored.")
    ] = DEAD_LETTERS
    tiers: Annotated[
        str,
        Field(
            description="Retention tiers as NAME=DURATION, comma-separated; "
            "the first is for projects without one."
        ),
    ] = DEFAULT_TIERS

    poll_records: Annotated[
        int, Field(description="Most records taken from Kafka at once.", ge=1)
    ] = 1_000  # within the driver's sweet spot for one bulk insert
    bulk_records: Annotated[
        int, Field(description="Records after which a write is sent.", ge=1)
    ] = 1_000
    bulk_bytes: Annotated[
        int, Field(description="Bytes after which a write is sent.", ge=1)
    ] = 4 * MEBIBYTE
    linger: Annotated[
        timedelta, Field(description="How long a write waits for more records.")
    ] = timedelta(milliseconds=50)  # a page shows an event within 2 s: this is little
    writes_in_flight: Annotated[
        int, Field(description="Most writes in flight at once.", ge=1)
    ] = 3  # overlaps reading, judging and writing; more only adds memory
    bytes_in_flight: Annotated[
        int, Field(description="Bytes in flight beyond which nothing is read.", ge=1)
    ] = 16 * MEBIBYTE  # held as raw value and as BSON: twice this in memory
    fetch_bytes: Annotated[
        int, Field(description="Most bytes fetched from a broker at once.", ge=1)
    ] = 8 * MEBIBYTE
    commit_every: Annotated[
        timedelta, Field(description="How often offsets are committed.")
    ] = timedelta(seconds=1)
    watermarks_every: Annotated[
        timedelta, Field(description="How often the watermarks are written.")
    ] = timedelta(seconds=1)
    clock_skew: Annotated[
        timedelta,
        Field(description="How far the brokers' clocks may be behind this one."),
    ] = timedelta(seconds=1)  # clocks kept by NTP differ by far less
    session_timeout: Annotated[
        timedelta,
        Field(description="Silence after which a process loses its partitions."),
    ] = timedelta(seconds=10)
    rebalance_timeout: Annotated[
        timedelta, Field(description="How long a rebalance waits for this process.")
    ] = timedelta(seconds=30)
    drain_within: Annotated[
        timedelta, Field(description="How long a stop waits for writes in flight.")
    ] = timedelta(seconds=15)
    stalled_after: Annotated[
        timedelta,
        Field(description="Silence of the poll loop after which the process exits."),
    ] = timedelta(seconds=60)
    projects_refresh: Annotated[
        timedelta, Field(description="How often projects' tiers are read anew.")
    ] = timedelta(seconds=5)  # a tier may be 10 s old: half, to leave time for a retry

    def tier_durations(self) -> dict[str, timedelta]:
        """The tiers, the default one first."""
        return parse_tiers(self.tiers)
