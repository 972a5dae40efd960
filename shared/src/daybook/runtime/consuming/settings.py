"""Settings of every service that reads from Kafka."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from daybook.events.topics import MEBIBYTE
from daybook.runtime.settings import ServiceSettings


class ConsumerSettings(ServiceSettings):
    """How much is read, held and written at once, and how long what may take."""

    group_id: Annotated[str, Field(description="Kafka consumer group.")]
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
    lag_every: Annotated[
        timedelta, Field(description="How often the group's lag is asked for.")
    ] = timedelta(seconds=5)  # two requests; what is scaled by it looks less often
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
