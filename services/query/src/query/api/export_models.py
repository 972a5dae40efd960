"""The shapes of exports, as the documentation shows them."""

from typing import Any, Literal

from daybook.exports.objects import ExportedObjectName, ResponseFormat
from daybook.storage.exports import ExportStatus
from pydantic import BaseModel, ConfigDict, Field

from query.api.models import Time

_FILTERS = {
    "junction": "and",
    "status": {"conditions": {"$is": ["FAILURE"]}},
    "created_at": {"conditions": {"$after": ["2026-11-24T03:00:00.000Z"]}},
}


class ExportParameters(BaseModel):
    """What is exported."""

    fields: list[str] = Field(description="The columns in their order.")
    order: str | None = Field(examples=["-created_at"])
    filters: dict[str, Any] = Field(examples=[_FILTERS])


class ExportResult(BaseModel):
    """The file."""

    url: str = Field(
        description="Opens this file alone, without a key, for as long as links live."
    )


class ExportProgress(BaseModel):
    """How far it is."""

    rows: int = Field(description="Written so far.")
    bytes: int
    percent: int | None = Field(description="null: how many rows come is not known.")
    finished_at_estimate: Time | None


class ExportError(BaseModel):
    message: str | None


class Export(BaseModel):
    """An export, and its file once it is DONE."""

    id: str = Field(examples=["exp_019abc…"])
    object: Literal["export"]
    created_at: Time = Field(description="When it was asked for.")
    status: ExportStatus
    channel: str | None = Field(description="API, WEBSITE, or another service's.")
    exported_object: str = Field(examples=["api_log"])
    parameters: ExportParameters
    result: ExportResult | None = Field(
        description="null until it is DONE, and once its file has expired."
    )
    user_id: str | None = Field(description="Who asked for it, where a person did.")
    response_format: ResponseFormat | None = Field(
        description="null: another service made the file."
    )
    project_id: str
    request_id: str | None = Field(description="The request or event that asked.")
    progress: ExportProgress
    error: ExportError | None = Field(
        description="Why it is ERROR, or that its file has expired."
    )
    cancelled: bool = Field(description="It is ERROR because somebody said so.")
    started_at: Time | None
    finished_at: Time | None
    expires_at: Time | None = Field(description="When the file is removed.")
    complete_until: Time | None = Field(
        description="What was received from then on may be missing; else null."
    )


class ExportPage(BaseModel):
    """A page of exports."""

    object: Literal["list"]
    data_ref: Literal["exports"]
    exports: list[Export]
    total: int = Field(description="Of the whole list.")
    has_more: bool
    next_cursor: str | None


class ExportEstimate(BaseModel):
    """What ``dry_run`` answers: nothing is exported."""

    object: Literal["export_estimate"]
    rows: int
    at_least: bool = Field(
        description="So many were counted in the time there is: there may be more."
    )


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AskedParameters(_Asked, title="ExportDraftParameters"):
    """What to export; what is left out or null has its default."""

    fields: list[str] | None = Field(
        default=None, description="Columns. Default: all but bodies."
    )
    order: str | None = Field(
        default=None, description="created_at or -created_at, the default."
    )
    filters: dict[str, Any] | None = Field(
        default=None,
        description=(
            "Of each field the conditions that it meets, by operator; the junction "
            "joins fields. An operator that does not suit is answered with those that "
            "do."
        ),
        examples=[_FILTERS],
    )


class ExportDraft(_Asked):
    """An export that is asked for."""

    exported_object: ExportedObjectName
    response_format: ResponseFormat | None = Field(
        default=None, description="Default: CSV."
    )
    parameters: AskedParameters | None = None
    dry_run: bool | None = Field(
        default=None, description="true: answer with how many rows there would be."
    )
