"""What every event of Daybook has in common."""

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from daybook.events.faults import RecordFault
from daybook.events.json_text import DEEPEST, parse

JsonSchema = dict[str, Any]

# What BSON holds without a change; anything beyond is refused, never rounded.
INT64_MAX = 2**63 - 1

Int64 = Annotated[int, Field(ge=-(2**63), le=INT64_MAX)]
Count = Annotated[int, Field(ge=0, le=INT64_MAX)]


_SURROGATES = re.compile("[\ud800-\udfff]")


def _replace_surrogates(value: object) -> object:
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    return value


# Text whose length is judged: pydantic refuses a lone surrogate there, which Python's
# strings can hold, and a host must not fail for what a client sent it.
Text = Annotated[str, BeforeValidator(_replace_surrogates)]


class Part(BaseModel):
    """A frozen, strictly typed piece of an event.

    Strict: a number is no string and a string no number. Unknown fields are ignored
    here; consumers keep them as JSON text under ``extra``.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class RawJson:
    """Marks a text field that holds any JSON value, spelled as its publisher did.

    In the event it stands as that value and not as a string; whoever reads it gets the
    text: no number, key order or duplicate key changes.
    """

    def __get_pydantic_json_schema__(self, _schema: Any, _handler: Any) -> JsonSchema:
        return {}


def _is_json(text: str) -> str:
    try:
        # The event around it, whose depth is judged with it, has two levels.
        parse(text.encode(), DEEPEST - 2)
    except UnicodeEncodeError:
        raise ValueError("a lone surrogate stands in it") from None
    except RecordFault as fault:
        raise ValueError(fault.reason) from None
    return text


JsonText = Annotated[str, AfterValidator(_is_json), RawJson()]


def raw_fields(model: type[BaseModel]) -> frozenset[str]:
    """The names of a model's own fields that hold JSON as text."""
    return frozenset(
        name
        for name, info in model.model_fields.items()
        if any(isinstance(mark, RawJson) for mark in info.metadata)
    )


class User(Part):
    """Who caused it, as the service knows them."""

    id: str | None = Field(default=None, description="Their id.")
    email: str | None = Field(default=None, description="Their e-mail address.")


class ApiKey(Part):
    """The key that the request was made with. Never its secret."""

    id: str | None = Field(default=None, description="Its id.")
    name: str | None = Field(default=None, description="What people call it.")
    kind: Literal["server", "client"] | None = Field(
        default=None, description="Where it may be used: by servers or in clients."
    )


class Event(Part):
    """The ``data`` of one CloudEvent: a fact, in the past tense.

    Adding an optional field is compatible; anything else needs a new version of the
    type.
    """

    type: ClassVar[str]
    topic: ClassVar[str]

    def subject(self) -> str | None:
        """The CloudEvents ``subject``, which is also the Kafka key; None is the
        event's own id."""
        raise NotImplementedError
