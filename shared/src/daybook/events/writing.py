"""How our own library writes an event: one CloudEvent as structured-mode JSON."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic_core import PydanticSerializationError

from daybook.events.base import Event, raw_fields
from daybook.events.topics import MEBIBYTE, TOPICS
from daybook.events.traceparent import traceparent_of
from daybook.events.trimming import trim_bodies

Headers = tuple[tuple[str, bytes], ...]

CONTENT_TYPE = b"application/cloudevents+json; charset=UTF-8"
PROJECT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# A batch's header, a record's own lengths, and the header names.
_OVERHEAD = 512


class EventTooLargeError(ValueError):
    """The event does not fit its topic even without its bodies."""


class InvalidProjectError(ValueError):
    """A project id is 1 to 64 of ``A-Z a-z 0-9 _ -``."""


@dataclass(frozen=True, slots=True)
class EncodedRecord:
    """What goes to Kafka, byte for byte."""

    key: bytes
    value: bytes
    headers: Headers

    @property
    def size(self) -> int:
        """Bytes at most that the record takes on the wire before compression."""
        return len(self.key) + len(self.value) + _OVERHEAD


def encode(
    event: Event,
    *,
    id: str,
    source: str,
    time: datetime,
    project_id: str,
    sequence: int | None = None,
    traceparent: str | None = None,
) -> EncodedRecord:
    """Write ``event`` as structured-mode CloudEvents JSON.

    Fields that are ``None`` are left out. Lone surrogates become U+FFFD. Bodies are cut
    where the record would not fit its topic, and marked ``truncated``. A ``time``
    without a zone is taken as UTC; a malformed ``traceparent`` is left out.

    Raises ``EventTooLargeError`` when cutting bodies does not help, and
    ``InvalidProjectError``.
    """
    if PROJECT_ID.fullmatch(project_id) is None:
        raise InvalidProjectError(project_id)
    # Escaped: JSON keeps the code point, and what cannot be encoded became U+FFFD.
    subject = _well_formed(event.subject() or id)
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": event.type,
        "time": rfc3339(time),
        "subject": subject,
        "datacontenttype": "application/json",
        "projectid": project_id,
    }
    if sequence is not None:
        envelope["sequence"] = sequence
    if (trace := traceparent_of(traceparent)) is not None:
        envelope["traceparent"] = trace
    key = subject.encode()
    envelope["data"] = orjson.Fragment(_data(event))
    value = orjson.dumps(envelope)
    limit = largest_record(event.topic) - _OVERHEAD - len(key)
    if len(value) > limit:
        data = trim_bodies(_plain(event), excess=len(value) - limit)
        if data is None:
            raise EventTooLargeError
        envelope["data"] = data
        value = orjson.dumps(envelope)
        if len(value) > limit:
            raise EventTooLargeError
    return EncodedRecord(
        key,
        value,
        (("content-type", CONTENT_TYPE), ("projectid", project_id.encode())),
    )


def largest_record(topic: str) -> int:
    """Bytes that a record may have before compression.

    Less than the broker's limit by what compression adds to data that does not
    compress, so that no record is refused for its luck with zstd.
    """
    known = TOPICS.get(topic)
    limit = known.max_message_bytes if known else MEBIBYTE
    return limit - limit // 256 - 1024


def rfc3339(time: datetime) -> str:
    """The same moment in UTC, to the microsecond."""
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    elif time.tzinfo is not UTC:
        time = time.astimezone(UTC)
    return time.isoformat(timespec="microseconds")[:26] + "Z"


def _data(event: Event) -> bytes:
    raw = raw_fields(type(event))
    if raw:
        dumped = _plain(event)
        spliced = {name: orjson.Fragment(dumped[name]) for name in raw & dumped.keys()}
        return orjson.dumps(dumped | spliced)
    try:
        return event.__pydantic_serializer__.to_json(
            event, exclude_none=True, warnings=False
        )
    except (PydanticSerializationError, UnicodeEncodeError):
        # A lone surrogate: rare, so only then is the event walked in Python.
        return orjson.dumps(_plain(event))


def _plain(event: Event) -> dict[str, Any]:
    dumped = event.model_dump(mode="python", exclude_none=True, warnings=False)
    return _well_formed_json(dumped)


def _well_formed(text: str) -> str:
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)


def _well_formed_json(value: Any) -> Any:
    if isinstance(value, str):
        return _well_formed(value)
    if isinstance(value, dict):
        return {
            _well_formed_json(name): _well_formed_json(item)
            for name, item in value.items()  # pyright: ignore[reportUnknownVariableType]
        }
    if isinstance(value, list | tuple):
        return [_well_formed_json(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value
