"""The AsyncAPI 3.0 document of Daybook's topics, made from the catalog."""

from importlib.metadata import version
from typing import Any

from daybook.events.base import Event
from daybook.events.catalog import EVENTS, events_of
from daybook.events.cloudevent import (
    LONGEST_NAME,
    SPEC_VERSION,
    STRUCTURED_CONTENT_TYPE,
)
from daybook.events.topics import DEAD_LETTERS, TOPICS, Topic
from daybook.storage.projects import PROJECT_ID_PATTERN

Schema = dict[str, Any]

_KAFKA_BINDING = "0.5.0"
_SCHEMAS = "#/components/schemas/"
_MESSAGES = "#/components/messages/"
_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME}

# What a dead letter's own headers say.
LETTER_HEADERS = {
    "daybook_reason": "What was wrong, in a sentence.",
    "daybook_kind": "What was wrong, in a word to count by.",
    "daybook_topic": "The topic that the record came from.",
    "daybook_partition": "Its partition there.",
    "daybook_offset": "Its offset there.",
    "daybook_time": "When the broker received it, RFC 3339.",
    "daybook_withheld": "Only where the value is left out: why.",
}


class SchemaClash(ValueError):
    """Two events have different parts of one name."""


def asyncapi() -> dict[str, Any]:
    """The document, the same at every call: topics, messages, schemas."""
    schemas: dict[str, Schema] = {}
    messages: dict[str, Any] = {"DeadLetter": _dead_letter()}
    for event in EVENTS.values():
        _add_schemas(schemas, event)
        messages[event.__name__] = _structured(event)
        messages[f"{event.__name__}Binary"] = _binary(event)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Daybook's events",
            "version": version("daybook"),
            "description": (
                "CloudEvents 1.0 over Kafka, one event a record. Both content modes "
                "are read: structured (the value is the whole event) and binary "
                "(`ce_*` headers hold the attributes, the value is the data). Unknown "
                "attributes and fields are accepted and kept."
            ),
            "license": {
                "name": "Apache-2.0",
                "url": "https://www.apache.org/licenses/LICENSE-2.0",
            },
        },
        "defaultContentType": STRUCTURED_CONTENT_TYPE,
        "channels": {name: _channel(topic) for name, topic in TOPICS.items()},
        "operations": dict(_operation(topic) for topic in TOPICS.values()),
        "components": {"messages": messages, "schemas": schemas},
    }


def envelope_schema(event: type[Event], data: Schema) -> Schema:
    """The JSON Schema of a structured-mode event whose data is ``data``."""
    return {
        "type": "object",
        "description": "A whole CloudEvent; attributes that are not named are kept.",
        "properties": {
            **_attributes(event),
            "data": data,
            "data_base64": {
                "type": "string",
                "description": "The data as base64 of its JSON, instead of `data`.",
            },
        },
        "required": ["specversion", "id", "source", "type", "projectid"],
        "anyOf": [{"required": ["data"]}, {"required": ["data_base64"]}],
    }


def _attributes(event: type[Event]) -> dict[str, Schema]:
    return {
        "specversion": {
            "const": SPEC_VERSION,
            "description": "The version of CloudEvents.",
        },
        "id": {**_NAME, "description": "The event's id, unique within its source."},
        "source": {
            **_NAME,
            "description": "The producing service and its instance, like shop/4f1c.",
        },
        "type": {"const": event.type},
        "projectid": {
            "type": "string",
            "pattern": PROJECT_ID_PATTERN,
            "description": "The project, or tenant, that the event belongs to.",
        },
        "time": {
            "type": "string",
            "format": "date-time",
            "description": "When it happened; without it, when the broker received it.",
        },
        "subject": {"type": "string", "description": "What the Kafka key holds too."},
        "datacontenttype": {"type": "string", "description": "application/json."},
        "dataschema": {"type": "string", "description": "Not used."},
        "traceparent": {"type": "string", "description": "W3C Trace Context."},
        "sequence": {
            "type": ["integer", "string"],
            "minimum": -(2**63),
            "maximum": 2**63 - 1,
            "description": "Counts a source's events, so that a lost one shows.",
        },
    }


def _add_schemas(schemas: dict[str, Schema], event: type[Event]) -> None:
    data = event.model_json_schema(ref_template=_SCHEMAS + "{model}")
    parts: dict[str, Schema] = data.pop("$defs", {})
    reference = {"$ref": _SCHEMAS + event.__name__}
    envelope = {f"{event.__name__}Event": envelope_schema(event, reference)}
    for name, part in {event.__name__: data, **parts, **envelope}.items():
        if schemas.setdefault(name, part) != part:
            raise SchemaClash(name)


def _structured(event: type[Event]) -> dict[str, Any]:
    return {
        **_described(event),
        "contentType": STRUCTURED_CONTENT_TYPE,
        "headers": {
            "type": "object",
            "properties": {
                "content-type": {
                    "type": "string",
                    "pattern": "^application/cloudevents",
                    "description": "Need not be there: structured is the default.",
                },
            },
        },
        "payload": {"$ref": f"{_SCHEMAS}{event.__name__}Event"},
        "bindings": _key(TOPICS[event.topic]),
    }


def _binary(event: type[Event]) -> dict[str, Any]:
    attributes = {
        f"ce_{name}": {**schema, "type": "string"} if "type" in schema else schema
        for name, schema in _attributes(event).items()
        if name != "datacontenttype"
    }
    for bound in ("minimum", "maximum"):
        attributes["ce_sequence"].pop(bound)
    return {
        **_described(event),
        "name": f"{event.type} (binary)",
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "properties": {"content-type": {"type": "string"}, **attributes},
            "required": [
                f"ce_{name}"
                for name in ("specversion", "id", "source", "type", "projectid")
            ],
        },
        "payload": {"$ref": _SCHEMAS + event.__name__},
        "bindings": _key(TOPICS[event.topic]),
    }


def _described(event: type[Event]) -> dict[str, Any]:
    first, _, rest = (event.__doc__ or "").strip().partition("\n")
    more = "\n".join(line.strip() for line in rest.strip().splitlines())
    return {
        "name": event.type,
        "title": event.__name__,
        "summary": first.strip(),
        **({"description": more} if more else {}),
    }


def _dead_letter() -> dict[str, Any]:
    properties = {
        name: {"type": "string", "description": text}
        for name, text in LETTER_HEADERS.items()
    }
    return {
        "name": "dead letter",
        "title": "DeadLetter",
        "summary": "A record that nobody can use, as its original bytes and headers.",
        "contentType": "application/octet-stream",
        "headers": {
            "type": "object",
            "properties": properties,
            "required": [name for name in properties if name != "daybook_withheld"],
        },
        "payload": {"description": "The record's value, byte for byte."},
        "bindings": _key(TOPICS[DEAD_LETTERS]),
    }


def _key(topic: Topic) -> dict[str, Any]:
    key = {"type": "string", "description": f"The {topic.keyed_by}."}
    return {"kafka": {"key": key, "bindingVersion": _KAFKA_BINDING}}


def _messages(topic: Topic) -> list[str]:
    if topic.name == DEAD_LETTERS:
        return ["DeadLetter"]
    names = [event.__name__ for event in events_of(topic.name)]
    return [mode for name in names for mode in (name, f"{name}Binary")]


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": topic.name,
        "description": f"Keyed by {topic.keyed_by}.",
        "messages": {name: {"$ref": _MESSAGES + name} for name in _messages(topic)},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {
                    **topic.settings(),
                    "cleanup.policy": [topic.settings()["cleanup.policy"]],
                },
                "bindingVersion": _KAFKA_BINDING,
            }
        },
    }


def _operation(topic: Topic) -> tuple[str, dict[str, Any]]:
    """What Daybook does with the topic."""
    action = "send" if topic.name == DEAD_LETTERS else "receive"
    return f"{action}.{topic.name}", {
        "action": action,
        # A topic's name has no slash and no tilde: it is its own JSON pointer.
        "channel": {"$ref": f"#/channels/{topic.name}"},
    }
