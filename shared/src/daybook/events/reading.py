"""Read one Kafka record as a CloudEvent, in either content mode of the Kafka binding.

Structured: the value is the whole event. Binary: ``ce_*`` headers hold the attributes
and the value is the data. Headers that are not needed may be null or no UTF-8.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import msgspec

from daybook.events.base import Event, raw_fields
from daybook.events.cloudevent import KNOWN_ATTRIBUTES, CloudEvent
from daybook.events.faults import EmptyRecord, NotACloudEvent, WrongType
from daybook.events.json_text import Raws, parse, refuse_depth
from daybook.events.judging import judge, judge_structured
from daybook.events.structs import envelope_decoder
from daybook.storage.projects import PROJECT_ID

_STRUCTURED = b"application/cloudevents"
_BATCH = b"application/cloudevents-batch"
_PREFIX = "ce_"

Headers = Iterable[tuple[str, bytes | None]]


class Record(Protocol):
    """What is read of a Kafka record."""

    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


class EventReader:
    """Reads the records of a topic that carries ``events``; holds no state."""

    def __init__(self, events: Iterable[type[Event]]) -> None:
        self._events = {event.type: event for event in events}
        self._decode = envelope_decoder(tuple(self._events.values())).decode
        self._raw = {event for event in self._events.values() if raw_fields(event)}
        self._by_name = {
            f"{event.__name__}Envelope": event for event in self._events.values()
        }

    def read(self, record: Record) -> CloudEvent:
        """Return the event; a :class:`RecordFault` says what is wrong with it."""
        value = record.value
        if not value:
            raise EmptyRecord
        if _is_binary(record.headers):
            return self._read_binary(record.headers, value)
        try:
            envelope = self._decode(value)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            # The last of them: what is skipped, not decoded, may be of any depth.
            return judge_structured(value, self._events)
        event = self._by_name.get(type(envelope).__name__)
        if event is None or PROJECT_ID.fullmatch(envelope.projectid) is None:
            return judge_structured(value, self._events)  # which says what is wrong
        if event in self._raw:
            refuse_depth(value)  # structs know their depth, a raw value may be any
        try:
            data = msgspec.to_builtins(envelope.data, enc_hook=_text_of)
        except UnicodeDecodeError:
            return judge_structured(value, self._events)
        return CloudEvent(
            event,
            envelope.id,
            envelope.source,
            envelope.projectid,
            envelope.time,
            envelope.sequence,
            envelope.traceparent,
            data,
        )

    def _read_binary(self, headers: Headers, value: bytes) -> CloudEvent:
        attributes, unknown = _attributes_of(headers)
        parse(value)  # refuses what is no JSON, or too deep, with its own words
        return judge(attributes, unknown, value.decode(), self._events)


def _text_of(raw: msgspec.Raw) -> str:
    return bytes(raw).decode()


def _is_binary(headers: Headers) -> bool:
    """Whether the attributes are in the headers."""
    binary = False
    for name, value in headers:
        if name == "content-type" and value is not None:
            media_type = value.strip().lower()
            if media_type.startswith(_BATCH):
                raise NotACloudEvent("send one event a record, not a batch")
            if media_type.startswith(_STRUCTURED):
                return False
        elif name.startswith(_PREFIX):
            binary = True
    return binary


def _attributes_of(headers: Headers) -> tuple[dict[str, Any], Raws]:
    attributes: dict[str, Any] = {}
    unknown: Raws = {}
    for name, value in headers:
        if value is None:
            continue
        if name == "content-type":
            _refuse_other_than_json(value)
        elif name.startswith(_PREFIX):
            attribute = name.removeprefix(_PREFIX)
            if attribute in KNOWN_ATTRIBUTES:
                attributes[attribute] = _text(attribute, value)
            else:
                text = value.decode("utf-8", "replace")
                unknown[attribute] = json.dumps(text, ensure_ascii=False)
    return attributes, unknown


def _refuse_other_than_json(content_type: bytes) -> None:
    media_type = content_type.split(b";")[0].strip().lower()
    if media_type != b"application/json" and not media_type.endswith(b"+json"):
        shown = media_type.decode("utf-8", "replace")
        raise WrongType(f"the data's content-type is {shown!r}: send application/json")


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise WrongType(f"the header ce_{name} is no UTF-8") from None
