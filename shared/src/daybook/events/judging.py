"""The slow, exact judgement of one event: what is known of it, or what is wrong.

Runs for what the quick decoders refuse: bad events, and good ones with attributes or
fields that this version does not know.
"""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from daybook.events import json_text
from daybook.events.base import Event, raw_fields
from daybook.events.cloudevent import (
    KNOWN_ATTRIBUTES,
    LONGEST_NAME,
    SPEC_VERSION,
    CloudEvent,
)
from daybook.events.faults import (
    MalformedProject,
    MissingField,
    NotACloudEvent,
    NotStorable,
    RecordFault,
    UnknownType,
    WrongType,
)
from daybook.storage.projects import is_project_id

_DATA_MEMBERS = frozenset({"data", "data_base64"})
_time = TypeAdapter(datetime)
_INT64_ERRORS = frozenset({"int_parsing_size", "greater_than_equal", "less_than_equal"})
_LENGTH_ERRORS = frozenset({"too_short", "too_long"})


def judge_structured(value: bytes, events: Mapping[str, type[Event]]) -> CloudEvent:
    """Judge a structured-mode record, whose value is the whole event."""
    parsed = json_text.parse(value)
    if not isinstance(parsed, dict):
        raise NotACloudEvent("the value is no JSON object")
    members = cast("dict[str, Any]", parsed)
    raws = json_text.split(value.decode())
    attributes: dict[str, Any] = {
        name: members[name] for name in raws if name not in _DATA_MEMBERS
    }
    unknown = {
        name: raw
        for name, raw in raws.items()
        if name not in KNOWN_ATTRIBUTES and name not in _DATA_MEMBERS
    }
    return judge(attributes, unknown, _data_of(raws, members), events)


def judge(
    attributes: Mapping[str, Any],
    unknown: json_text.Raws,
    data: str | None,
    events: Mapping[str, type[Event]],
) -> CloudEvent:
    """Judge attributes (values as :func:`json_text.parse` gives them) and data."""
    if attributes.get("specversion") != SPEC_VERSION:
        raise NotACloudEvent('the attribute specversion is not "1.0"')
    identity = _required(attributes, "id")
    source = _required(attributes, "source")
    try:
        return _judge_data(identity, source, attributes, unknown, data, events)
    except RecordFault as fault:
        fault.source = source
        raise


def _judge_data(
    identity: str,
    source: str,
    attributes: Mapping[str, Any],
    unknown: json_text.Raws,
    data: str | None,
    events: Mapping[str, type[Event]],
) -> CloudEvent:
    event_type = _required(attributes, "type")
    project_id = _required(attributes, "projectid")
    if not is_project_id(project_id):
        raise MalformedProject(repr(project_id[:80]))
    event = events.get(event_type)
    if event is None:
        raise UnknownType(f"{event_type!r} is none of {', '.join(sorted(events))}")
    if data is None:
        raise MissingField("data")
    known, unknown_data = json_text.divide(_object(data), event)
    if unknown_data:
        unknown = {**unknown, "data": json_text.join(unknown_data)}
    return CloudEvent(
        event=event,
        id=identity,
        source=source,
        project_id=project_id,
        time=_time_of(attributes),
        sequence=_sequence_of(attributes),
        traceparent=_optional(attributes, "traceparent"),
        data=_validated(known, event),
        extra=json_text.join(unknown) if unknown else None,
    )


def _data_of(raws: json_text.Raws, parsed: Mapping[str, Any]) -> str | None:
    if "data" in raws:
        return raws["data"]
    encoded = parsed.get("data_base64")
    if encoded is None:
        return None
    try:
        data = b64decode(encoded, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise WrongType("data_base64 is no base64") from None
    json_text.parse(data)
    return data.decode()


def _object(data: str) -> str:
    if not data.lstrip().startswith("{"):
        raise WrongType("data is no JSON object")
    return data


def _required(attributes: Mapping[str, Any], name: str) -> str:
    text = _optional(attributes, name)
    if text is None:
        raise MissingField(name)
    if not 0 < len(text) <= LONGEST_NAME:
        raise WrongType(f"{name} has {len(text)} characters, not 1 to {LONGEST_NAME}")
    return text


def _optional(attributes: Mapping[str, Any], name: str) -> str | None:
    value = attributes.get(name)
    if value is None:
        return None
    if not json_text.is_string(value):
        raise WrongType(f"{name} is no string")
    return _storable(name, value)


def _storable(name: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NotStorable(f"{name} holds a lone surrogate") from None
    return text


def _time_of(attributes: Mapping[str, Any]) -> datetime | None:
    text = _optional(attributes, "time")
    if text is None:
        return None
    try:
        return _time.validate_strings(text)
    except ValidationError as error:
        raise WrongType(f"time: {error.errors()[0]['msg']}") from None


def _sequence_of(attributes: Mapping[str, Any]) -> int | str | None:
    digits = json_text.integer_text(attributes.get("sequence"))
    if digits is None:
        return _optional(attributes, "sequence")
    # Compared by length first: Python itself refuses to read very long integers.
    if len(digits) > len(str(-(2**63))) or not -(2**63) <= int(digits) < 2**63:
        raise NotStorable(f"sequence is beyond 64 bits: {digits[:40]}")
    return int(digits)


def _validated(known: str, event: type[Event]) -> dict[str, Any]:
    known = json_text.as_strings(known, raw_fields(event))
    try:
        model = event.model_validate_json(known, strict=True)
    except ValidationError as errors:
        raise _fault(errors) from None
    return model.model_dump(exclude_none=True)


def _fault(errors: ValidationError) -> RecordFault:
    """The first error in Daybook's words."""
    error = errors.errors(include_url=False)[0]
    where = ".".join(("data", *map(str, error["loc"])))
    if error["type"] == "missing":
        return MissingField(where)
    if error["type"] == "json_invalid":
        # The value is JSON, as was seen before: what pydantic refuses of JSON is text
        # that no UTF-8 can hold.
        return NotStorable("data holds a lone surrogate")
    value = error["input"]
    if (
        error["type"] in _INT64_ERRORS
        and isinstance(value, int)
        and not -(2**63) <= value < 2**63
    ):
        return NotStorable(f"{where} is beyond 64 bits")
    words = error["msg"]
    if error["type"] in _LENGTH_ERRORS and isinstance(value, str):
        # After a validator of ours, pydantic calls a text's characters items.
        words = words.replace("item", "character")
    return WrongType(f"{where}: {words}")
