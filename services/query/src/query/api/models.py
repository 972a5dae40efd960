"""The answers' shapes, as the documentation shows them.

Answers are written as plain data and not through these: what is stored goes out as it
is. A test holds both together.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

Time = Annotated[
    str, Field(description="RFC 3339 in UTC.", examples=["2026-11-24T03:00:00.000Z"])
]


class User(BaseModel):
    id: str | None
    email: str | None


class ApiKey(BaseModel):
    id: str | None
    name: str | None
    kind: Literal["server", "client"] | None


class Resource(BaseModel):
    type: str | None
    id: str | None


class Origin(BaseModel):
    topic: str | None
    partition: int | None
    offset: int | None


class MessageSummary(BaseModel):
    content_type: str | None
    body_encoding: Literal["utf-8", "base64"] | None
    body_size: int | None = Field(description="Bytes of the whole body.")
    truncated: bool | None = Field(description="Whether only its beginning is kept.")


class Message(MessageSummary):
    headers: list[tuple[str, str]] | None
    body: str | None = Field(description="The text that crossed the wire, unchanged.")


class LogBase(BaseModel):
    object: Literal["log"]
    id: str
    project_id: str
    created_at: Time = Field(description="When the request happened.")
    received_at: Time | None = Field(description="When the broker had it.")
    request_id: str | None
    status: Literal["SUCCESS", "FAILURE"] | None
    status_code: int | None = Field(description="null: no response was made.")
    method: str | None
    endpoint: str | None = Field(examples=["POST /v1/vouchers/{code}"])
    url: str | None
    channel: str | None
    duration_ms: float | None
    user: User | None
    api_key: ApiKey | None
    client_ip: str | None
    user_agent: str | None
    task_id: str | None
    import_file_id: str | None
    resource: Resource | None
    event_time: str | None = Field(description="The producer's, where it was not kept.")
    source: str | None
    sequence: int | str | None
    traceparent: str | None
    origin: Origin | None


class LogSummary(LogBase):
    """A log in a list: without headers and bodies."""

    request: MessageSummary | None
    response: MessageSummary | None


class Log(LogBase):
    """A log with everything in it."""

    request: Message | None
    response: Message | None
    extra: str | None = Field(
        description="JSON text: fields this version has no name for."
    )


class LogPage(BaseModel):
    """A page of logs, newest first."""

    object: Literal["list"]
    data_ref: Literal["logs"]
    logs: list[LogSummary]
    has_more: bool
    next_cursor: str | None
    searched_until: Time | None = Field(
        description="How far back the time of the list reached, when it ran out."
    )


class Error(BaseModel):
    """What every error is."""

    code: int = Field(description="The HTTP status.")
    message: str = Field(description="What happened and what to do.")
    key: str = Field(description="For programs.", examples=["invalid_query_params"])
    details: str | None
    request_id: str
    resource_id: str | None
    resource_type: str | None
