"""The shapes of sendouts and attempts, as the documentation shows them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from query.api.models import Time
from query.webhooks.sendouts import MOST_COUNTED

SendoutStatus = Literal["SCHEDULED", "SENT", "RETRYING", "FAILED", "HELD"]


class SendoutError(BaseModel):
    kind: str | None = Field(
        description="status, redirect, timeout, dns, connect, tls, protocol or "
        "blocked_address."
    )
    message: str | None
    status_code: int | None


class WebhookSendoutSummary(BaseModel):
    """An event on its way to an endpoint, in a list: without its data."""

    object: Literal["webhook_sendout"]
    id: str = Field(description="What receivers get as webhook-id.")
    project_id: str
    status: SendoutStatus = Field(
        description="HELD: its endpoint takes nothing; it waits for a replay."
    )
    event_id: str | None
    event_type: str | None
    entity_id: str | None
    group_id: str | None = Field(description="The API request that caused it.")
    endpoint_id: str
    target_url: str | None = Field(description="Where it was sent to, or will be.")
    created_at: Time
    executed_at: Time | None = Field(description="When its last attempt began.")
    attempts: int
    next_attempt_at: Time | None = Field(description="null while it is being sent.")
    last_error: SendoutError | None


class WebhookSendout(WebhookSendoutSummary):
    """A sendout with what is sent of it."""

    data: dict[str, Any] = Field(
        description="The body that receivers get; the payload in it is spelled as it "
        "was published."
    )


class WebhookSendoutPage(BaseModel):
    """A page of sendouts, newest first."""

    object: Literal["list"]
    data_ref: Literal["webhook_sendouts"]
    webhook_sendouts: list[WebhookSendoutSummary]
    has_more: bool
    next_cursor: str | None
    searched_until: Time | None = Field(
        description="How far back the time of the list reached, when it ran out."
    )


class WebhookAttempt(BaseModel):
    """One attempt at a sendout."""

    object: Literal["webhook_attempt"]
    attempt: int = Field(description="Its number; there may be gaps.")
    trigger: Literal["first", "retry", "manual", "bulk", "replay", "test"]
    started_at: Time
    duration_ms: float | None
    status_code: int | None = Field(description="null: nothing was answered in time.")
    request_headers: list[tuple[str, str]] | None = Field(
        description="The endpoint's own are masked."
    )
    response_headers: list[tuple[str, str]] | None
    response_body: str | None = Field(description="Its first 16 KiB.")
    response_body_encoding: Literal["utf-8", "base64"] | None
    response_body_truncated: bool | None
    error: SendoutError | None
    next_attempt_at: Time | None


class WebhookAttemptPage(BaseModel):
    """A page of one sendout's attempts, newest first; the 100 latest are kept."""

    object: Literal["list"]
    data_ref: Literal["webhook_attempts"]
    webhook_attempts: list[WebhookAttempt]
    has_more: bool
    next_cursor: str | None


class SendoutsRetry(BaseModel):
    """What a retry by filter would send again."""

    object: Literal["webhook_sendouts_retry"]
    dry_run: Literal[True]
    count: int = Field(description=f"Exact up to {MOST_COUNTED}.")
    at_least: bool = Field(description="Whether there are, or may be, more.")
    filter: dict[str, list[str]] = Field(
        description="As it was understood, its window included."
    )


class RetryRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    filter: dict[str, str | list[str]] = Field(
        description="The filters of the list, each a value or a list of them; without "
        "a status those that FAILED.",
        examples=[{"endpoint_id": "we_…", "created_at[after]": "2026-11-24T03:00:00Z"}],
    )
    dry_run: bool = Field(default=False, description="Only count them.")
