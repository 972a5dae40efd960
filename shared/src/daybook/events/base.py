"""What every event of Daybook has in common."""

import re
from typing import Annotated, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

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


class User(Part):
    """Who caused it, as the service knows them."""

    id: str | None = Field(default=None, description="Their id.")
    email: str | None = Field(default=None, description="Their e-mail address.")


class Event(Part):
    """The ``data`` of one CloudEvent: a fact, in the past tense.

    Adding an optional field is compatible; anything else needs a new version of the
    type.
    """

    type: ClassVar[str]
    topic: ClassVar[str]

    def subject(self) -> str:
        """The CloudEvents ``subject``, which is also the Kafka key."""
        raise NotImplementedError
