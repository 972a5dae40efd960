"""An API request that a platform service has answered, or failed to answer."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from daybook.events.base import Count, Event, Part
from daybook.events.topics import REQUESTS


class User(Part):
    """Who made the request, as the service knows them."""

    id: str | None = None
    email: str | None = None


class ApiKey(Part):
    """The key that the request was made with. Never its secret."""

    id: str | None = None
    name: str | None = None
    kind: Literal["server", "client"] | None = None


class Resource(Part):
    """What the request was about, for example a campaign."""

    type: str | None = None
    id: str | None = None


# A header as it stood on the wire, in its order: (name, value).
Header = Annotated[list[str], Field(min_length=2, max_length=2)]


class HttpMessage(Part):
    """One side of the exchange.

    ``body`` is the text that crossed the wire once content-encoding is undone, never
    re-serialised; bytes that are no UTF-8 are base64 and ``body_encoding`` says so.
    ``body_size`` counts the bytes of the whole body, of which ``body`` may be the
    beginning (``truncated``).
    """

    headers: list[Header] | None = None
    content_type: str | None = None
    body: str | None = None
    body_encoding: Literal["utf-8", "base64"] | None = None
    body_size: Count | None = None
    truncated: bool | None = None


class RequestCompleted(Event):
    """A request was answered, or ended without an answer (``status_code`` is null).

    Keyed by request id, so that whatever is published about one request stays in order.
    """

    type: ClassVar[str] = "daybook.request.completed.v1"
    topic: ClassVar[str] = REQUESTS

    request_id: Annotated[str, Field(min_length=1)]
    method: Annotated[str, Field(min_length=1, max_length=256)]  # an index key
    url: str
    endpoint: str | None = None  # method and route template: POST /v1/vouchers/{code}
    status_code: Annotated[int, Field(ge=100, le=999)] | None = None
    duration_ms: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    # API, CLIENT_API, USER_PORTAL, INTERNAL or an SDK's name.
    channel: Annotated[str, Field(max_length=256)] | None = None
    user: User | None = None
    api_key: ApiKey | None = None
    client_ip: str | None = None
    user_agent: str | None = None
    request: HttpMessage | None = None
    response: HttpMessage | None = None
    task_id: str | None = None
    import_file_id: str | None = None
    resource: Resource | None = None

    def subject(self) -> str:
        return self.request_id
