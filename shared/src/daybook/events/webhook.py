"""A webhook that a platform service wants delivered."""

from typing import Annotated, ClassVar

from pydantic import Field

from daybook.events.base import ApiKey, Event, JsonText, Part, Text, User
from daybook.events.topics import WEBHOOKS


class EventSource(Part):
    """What caused it."""

    channel: Annotated[Text, Field(max_length=256)] | None = Field(
        default=None,
        description="API, CLIENT_API, USER_PORTAL, INTERNAL or an SDK's name.",
    )
    user: User | None = Field(default=None, description="Who caused it.")
    api_key: ApiKey | None = Field(
        default=None, description="The key that they used; never its secret."
    )


class WebhookPublished(Event):
    """Something happened that endpoints may have asked to be told of.

    Keyed by its own id: deliveries keep no order. `payload` is any JSON value;
    receivers get its bytes as they were published.
    """

    type: ClassVar[str] = "daybook.webhook.published.v1"
    topic: ClassVar[str] = WEBHOOKS

    event_type: Annotated[
        Text,
        Field(min_length=1, max_length=256, description="Like voucher.created."),
    ]
    entity_id: str | None = Field(
        default=None, description="The id of what it happened to."
    )
    group_id: str | None = Field(
        default=None, description="The API request that caused it."
    )
    event_source: EventSource | None = Field(
        default=None, description="What caused it."
    )
    payload: JsonText = Field(description="What receivers get as `data`: any JSON.")

    def subject(self) -> None:
        return None
