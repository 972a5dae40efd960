"""The shapes of webhook endpoints and commands, as the documentation shows them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from query.api.models import Time
from query.webhooks import drafts
from query.webhooks.endpoints import MOST_ENDPOINTS

SignatureName = Literal["v1", "v1a"]


class Disabled(BaseModel):
    """Why nothing is delivered, though it is configured active."""

    at: Time | None
    reason: str | None


class WebhookEndpoint(BaseModel):
    """Where webhooks are sent to."""

    object: Literal["webhook_endpoint"]
    id: str = Field(examples=["we_019abc…"])
    url: str
    description: str | None
    event_types: list[str] = Field(examples=[["voucher.*"]])
    active: bool = Field(description="As configured.")
    disabled: Disabled | None = Field(
        description="What happened: by hand, by 410 Gone, or after too many failures."
    )
    headers: dict[str, str] = Field(description="Their values are masked.")
    signature: SignatureName
    public_key: str | None = Field(description="Of v1a: what its receiver verifies by.")
    retry_schedule_s: list[int]
    rate_limit_per_second: float | None
    max_in_flight: int
    timeout_ms: int
    created_at: Time
    updated_at: Time


class WebhookEndpointWithSecret(WebhookEndpoint):
    """An endpoint, and its new secret, which is shown this once."""

    secret: str | None = Field(
        description="whsec_…; null of v1a, whose receiver needs the public key alone."
    )


class WebhookEndpointPage(BaseModel):
    """A page of webhook endpoints, newest first."""

    object: Literal["list"]
    data_ref: Literal["webhook_endpoints"]
    webhook_endpoints: list[WebhookEndpoint]
    has_more: bool
    next_cursor: str | None


class Command(BaseModel):
    """What was asked for, until it is done."""

    object: Literal["command"]
    id: str = Field(examples=["cmd_019abc…"])
    kind: str = Field(examples=["sendout.retry"])
    status: Literal["ACCEPTED", "DONE", "FAILED"]
    message: str | None
    task_id: str | None = Field(description="The background task that carries it out.")
    created_at: Time
    finished_at: Time | None


class Hour(BaseModel):
    hour: Time = Field(description="Its beginning.")
    sendouts: int | None = Field(description="Made in it; null: time ran out.")


class Basis(BaseModel):
    sendouts: int = Field(description="So many were looked at, the newest.")
    attempts: int
    since: Time | None = Field(description="From the oldest of them on.")
    complete: bool = Field(description="Whether those are all of the 24 hours.")


class WebhookEndpointStats(BaseModel):
    """How an endpoint has done in the last 24 hours, the running one included."""

    object: Literal["webhook_endpoint_stats"]
    endpoint_id: str
    since: Time
    until: Time
    success_rate: float | None = Field(
        description="Of its attempts, those that were answered with a 2xx: 0 to 1."
    )
    p95_duration_ms: float | None = Field(description="Of its attempts.")
    statuses: dict[str, int] = Field(description="How many sendouts have each status.")
    hours: list[Hour] = Field(description="24, the oldest first.")
    based_on: Basis = Field(description="What rate, duration and statuses are of.")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EndpointChange(_Body):
    """What may be said of an endpoint; null is the default."""

    url: str = Field(description="https, at a public host; at most 2048 characters.")
    description: str | None = Field(
        default=None, description=f"At most {drafts.LONGEST_DESCRIPTION} characters."
    )
    event_types: list[str] = Field(
        default=["*"],
        description=f"1 to {drafts.MOST_PATTERNS} types or patterns: voucher.*, *.",
    )
    active: bool = Field(default=True, description="Whether anything is delivered.")
    headers: dict[str, str] = Field(
        default={},
        description=f"At most {drafts.MOST_HEADERS}; in a change, a masked value "
        "keeps what is there.",
    )
    retry_schedule_s: list[int] = Field(
        default=[],
        description=f"At most {drafts.MOST_GAPS} gaps of 1 to {drafts.LONGEST_GAP_S} "
        "seconds, each after the attempt before. Default: 12 over 24 hours.",
    )
    rate_limit_per_second: float | None = Field(
        default=None,
        description=f"{drafts.LOWEST_RATE} to {drafts.HIGHEST_RATE:.0f}; null: none.",
    )
    max_in_flight: int = Field(
        default=10, description=f"1 to {drafts.MOST_IN_FLIGHT} attempts at once."
    )
    timeout_ms: int = Field(
        default=10_000,
        description=f"{drafts.SHORTEST_TIMEOUT_MS} to {drafts.LONGEST_TIMEOUT_MS}: "
        "connect, send and read together.",
    )


class EndpointDraft(EndpointChange):
    __doc__ = f"A new endpoint; a project has at most {MOST_ENDPOINTS}."

    signature: SignatureName = Field(
        default="v1", description="HMAC-SHA256, or v1a: Ed25519."
    )


class Rotation(_Body):
    """How to go over to a new secret."""

    grace_s: int = Field(
        default=drafts.DEFAULT_GRACE_S,
        description="For so many seconds the old secret signs too: "
        f"0 to {drafts.LONGEST_GRACE_S}.",
    )


class Disabling(_Body):
    reason: str | None = Field(default=None, description="At most 500 characters.")


class Replay(_Body):
    since: str = Field(description="Events from this time on; RFC 3339.")
    include_sent: bool = Field(
        default=False, description="Whether what was delivered is sent again too."
    )


class Empty(_Body):
    """No fields."""
