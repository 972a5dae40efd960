"""What the query service is told from outside, read once in ``__main__``."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from daybook.runtime.storage_settings import StorageSettings
from daybook.storage.tiers import DEFAULT_TIERS
from daybook.webhooks.settings import WebhookSettings
from pydantic import Field, SecretStr


class QuerySettings(WebhookSettings, StorageSettings):
    """Settings of the query service and of ``daybook admin``."""

    host: Annotated[
        str, Field(description="Address that the API and the dashboard listen on.")
    ] = "127.0.0.1"
    port: Annotated[
        int, Field(description="Port of the same; 0 takes a free one.", ge=0, le=65535)
    ] = 8080
    public_url: Annotated[
        str | None,
        Field(
            description=(
                "Address that people reach the service at; with https, cookies are "
                "sent over https alone."
            )
        ),
    ] = None
    session_secret: Annotated[
        SecretStr | None,
        Field(
            description=(
                "Signs sessions and sign-in links; the same in every query process. "
                "Without it each process makes its own, and a restart signs everybody "
                "out."
            ),
            min_length=16,
        ),
    ] = None
    session_lifetime: Annotated[
        timedelta, Field(description="How long a sign-in to the dashboard lasts.")
    ] = timedelta(days=7)
    list_budget: Annotated[
        timedelta,
        Field(description="Time after which a list answers with what it has found."),
    ] = timedelta(seconds=2)
    most_streams: Annotated[
        int,
        Field(
            description=(
                "Most streams of tasks, and of exports, that a process has at once."
            ),
            ge=1,
        ),
    ] = 200
    import_file_limit: Annotated[
        int, Field(description="Most bytes that one import file may have.", ge=1)
    ] = 32 * 1024 * 1024
    export_link_lifetime: Annotated[
        timedelta, Field(description="How long the address of an export's file works.")
    ] = timedelta(hours=24)
    browse_budget: Annotated[
        timedelta,
        Field(description="Time after which browsing answers with what it has found."),
    ] = timedelta(seconds=2.5)
    browse_at_once: Annotated[
        int, Field(description="Most exports that a process browses at once.", ge=1)
    ] = 2  # each may take two cores and 512 MB
    browse_cache: Annotated[
        Path,
        Field(description="Folder for copies of what is browsed out of a cloud."),
    ] = Path(".daybook/browsing")
    browse_cache_bytes: Annotated[
        int, Field(description="Bytes that those copies may take.", ge=1)
    ] = 2 * 1024**3
    shutdown_grace: Annotated[
        timedelta,
        Field(description="How long running requests may take after SIGTERM."),
    ] = timedelta(seconds=15)  # lists take two: the rest is for files
    tiers: Annotated[
        str,
        Field(description="Retention tiers, as ingest has them: NAME=DURATION,…"),
    ] = DEFAULT_TIERS
