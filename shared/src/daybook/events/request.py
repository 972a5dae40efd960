"""An API request that a platform service has answered, or failed to answer."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from daybook.events.base import ApiKey, Count, Event, Part, Text, User
from daybook.events.topics import REQUESTS

# What a host names when it says who asked, in one place.
__all__ = ["ApiKey", "HttpMessage", "RequestCompleted", "Resource", "User"]


class Resource(Part):
    """What the request was about, for example a campaign."""

    type: str | None = Field(default=None, description="What kind of thing it is.")
    id: str | None = Field(default=None, description="Its id.")


# A header as it stood on the wire, in its order: (name, value).
Header = Annotated[list[str], Field(min_length=2, max_length=2)]


class HttpMessage(Part):
    """One side of the exchange.

    ``body`` is the text that crossed the wire once content-encoding is undone, never
    re-serialised; bytes that are no UTF-8 are base64 and ``body_encoding`` says so.
    ``body_size`` counts the bytes of the whole body, of which ``body`` may be the
    beginning (``truncated``).
    """

    headers: list[Header] | None = Field(
        default=None,
        description="The headers as they stood on the wire, in order: [name, value].",
    )
    content_type: str | None = Field(default=None, description="Its content type.")
    body: str | None = Field(
        default=None, description="The body's text, or base64 of its bytes."
    )
    body_encoding: Literal["utf-8", "base64"] | None = Field(
        default=None, description="What `body` is; without it, text."
    )
    body_size: Count | None = Field(
        default=None, description="Bytes of the whole body, once decoded."
    )
    truncated: bool | None = Field(
        default=None, description="Whether `body` is only the beginning."
    )


class RequestCompleted(Event):
    """A request was answered, or ended without an answer (``status_code`` is null).

    Keyed by request id, so that whatever is published about one request stays in order.
    """

    type: ClassVar[str] = "daybook.request.completed.v1"
    topic: ClassVar[str] = REQUESTS

    request_id: Annotated[
        Text, Field(min_length=1, description="The request's id in its service.")
    ]
    method: Annotated[
        Text,
        # Bounded, since it is part of an index key.
        Field(min_length=1, max_length=256, description="The HTTP method."),
    ]
    url: str = Field(description="The address that was asked for, with its query.")
    endpoint: str | None = Field(
        default=None,
        description="Method and route template, like POST /v1/vouchers/{code}.",
    )
    status_code: Annotated[int, Field(ge=100, le=999)] | None = Field(
        default=None, description="The answer's status; null where there was none."
    )
    duration_ms: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        default=None, description="Milliseconds until the answer's end."
    )
    channel: Annotated[Text, Field(max_length=256)] | None = Field(
        default=None,
        description="API, CLIENT_API, USER_PORTAL, INTERNAL or an SDK's name.",
    )
    user: User | None = Field(default=None, description="Who asked.")
    api_key: ApiKey | None = Field(
        default=None, description="The key that they asked with; never its secret."
    )
    client_ip: str | None = Field(
        default=None, description="The address that the request came from."
    )
    user_agent: str | None = Field(
        default=None, description="What the client calls itself."
    )
    request: HttpMessage | None = Field(default=None, description="What was sent.")
    response: HttpMessage | None = Field(default=None, description="What was answered.")
    task_id: str | None = Field(
        default=None, description="The background task that the request began."
    )
    import_file_id: str | None = Field(
        default=None, description="The uploaded file that the request was about."
    )
    resource: Resource | None = Field(
        default=None, description="What the request was about."
    )

    def subject(self) -> str:
        return self.request_id
