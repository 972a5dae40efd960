"""Exports that platform services ask for, and those that they made themselves."""

from typing import Annotated, ClassVar

from pydantic import Field

from daybook.events.base import Count, Event, JsonText, Text
from daybook.events.topics import EXPORTS

ExportId = Annotated[
    Text,
    Field(
        min_length=1,
        max_length=200,
        description="The export's id, of letters, digits, - and _: objects bear it.",
    ),
]
Channel = Annotated[Text, Field(max_length=256)]


class ExportRequested(Event):
    """A platform service wants a list as a file.

    Keyed by export. The same id asks once, however often it comes. Parameters that
    cannot be used make an export that has failed and says why.
    """

    type: ClassVar[str] = "daybook.export.requested.v1"
    topic: ClassVar[str] = EXPORTS

    export_id: ExportId
    exported_object: str = Field(
        description="api_log, async_action, webhook_sendout or webhook_attempt."
    )
    response_format: str | None = Field(
        default=None, description="CSV (without one), NDJSON or PARQUET."
    )
    parameters: JsonText = Field(
        default="{}",
        description="fields, order and filters, as `POST /v1/exports` takes them.",
    )
    channel: Channel | None = Field(
        default=None, description="Where it was asked for, like API."
    )
    user_id: str | None = Field(default=None, description="Who asked for it.")

    def subject(self) -> str:
        return self.export_id


class ExportRecorded(Event):
    """A platform service has made a file of its own, to be listed with the others.

    Keyed by export. It has a `url`, or an `object` in Daybook's own storage.
    """

    type: ClassVar[str] = "daybook.export.recorded.v1"
    topic: ClassVar[str] = EXPORTS

    export_id: ExportId
    exported_object: str = Field(description="What it holds, like voucher.")
    parameters: JsonText = Field(
        default="{}", description="What it was made by: any JSON."
    )
    url: Annotated[Text, Field(max_length=4096)] | None = Field(
        default=None, description="Where the file is; http or https."
    )
    rows: Count | None = Field(default=None, description="How many rows it has.")
    bytes: Count | None = Field(default=None, description="How large it is.")
    channel: Channel | None = Field(
        default=None, description="Where it was asked for, like API."
    )
    user_id: str | None = Field(default=None, description="Who asked for it.")

    def subject(self) -> str:
        return self.export_id
