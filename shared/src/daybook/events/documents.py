"""Write the documents of the events: ``python -m daybook.events.documents OUT_DIR``.

``asyncapi.json``, one ``TYPE.schema.json`` an event, and ``README.md`` for people. All
of it is made from the catalog: what is committed is never edited by hand.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from daybook.events.asyncapi import LETTER_HEADERS, asyncapi, envelope_schema
from daybook.events.base import Event
from daybook.events.catalog import EVENTS, events_of, json_schema
from daybook.events.topics import DEAD_LETTERS, MEBIBYTE, TOPICS, Topic

Schema = Mapping[str, Any]

_BEGINNING = """\
# Events

Made from the code by `make docs`; do not edit.

Daybook reads CloudEvents 1.0 from Kafka, one event a record, in both content modes:

- **structured**: the value is the whole event as JSON, attributes and `data`;
- **binary**: headers `ce_*` hold the attributes and the value is the data, with the
  header `content-type: application/json`.

The same for programs: [asyncapi.json](asyncapi.json), and a JSON Schema of each
event's data beside it. Attributes and fields that are not listed are accepted and kept.
Adding an optional field is compatible; anything else needs a new version of the type.
"""
_TOPIC_TITLES = ("topic", "key", "partitions", "largest record", "events")
_FIELD_TITLES = ("field", "type", "required", "what it is")


def documents() -> dict[str, str]:
    """Every file by its name, the same at every call."""
    schemas = {
        f"{event.type}.schema.json": _json(json_schema(event))
        for event in EVENTS.values()
    }
    return {"asyncapi.json": _json(asyncapi()), "README.md": _page(), **schemas}


def write(directory: Path) -> None:
    """Write every file; what is there of an event that is no more is removed."""
    directory.mkdir(parents=True, exist_ok=True)
    made = documents()
    for old in directory.glob("*.schema.json"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (directory / name).write_text(text, encoding="utf-8")


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _page() -> str:
    parts = [
        _BEGINNING,
        "## Topics\n",
        _table(_TOPIC_TITLES, (_topic(topic) for topic in TOPICS.values())),
        "Every topic stamps the broker's time of arrival (`LogAppendTime`).\n",
        "## Attributes of every event\n",
        _table(_FIELD_TITLES, _attributes()),
    ]
    for event in EVENTS.values():
        parts.extend(_event(event))
    parts.append("## Headers of a dead letter\n")
    parts.append(
        "A record that nobody can use goes to "
        f"`{DEAD_LETTERS}` with its own value, key and headers, and these:\n"
    )
    parts.append(
        _table(
            ("header", "what it says"),
            ((f"`{name}`", text) for name, text in LETTER_HEADERS.items()),
        )
    )
    return "\n".join(parts)


def _topic(topic: Topic) -> tuple[str, ...]:
    names = ", ".join(f"`{event.type}`" for event in events_of(topic.name))
    return (
        f"`{topic.name}`",
        topic.keyed_by,
        str(topic.partitions),
        f"{topic.max_message_bytes // MEBIBYTE} MiB",
        names or "dead letters",
    )


def _attributes() -> Iterator[tuple[str, ...]]:
    envelope = envelope_schema(next(iter(EVENTS.values())), {})
    for name, schema in envelope["properties"].items():
        if name == "type":
            about = {"type": "string", "description": "The event's type."}
            yield _row(name, about, True)
        elif name == "data":
            about = {"type": "object", "description": "The event itself, as below."}
            yield _row(name, about, True)
        else:
            yield _row(name, schema, name in envelope["required"])


def _event(event: type[Event]) -> Iterator[str]:
    schema = json_schema(event)
    yield f"## `{event.type}`\n"
    yield _prose(schema.get("description", ""))
    yield (
        f"Topic `{event.topic}`, key: {TOPICS[event.topic].keyed_by}. "
        f"[JSON Schema]({event.type}.schema.json)\n"
    )
    yield _table(_FIELD_TITLES, _fields(schema))
    for name, part in schema.get("$defs", {}).items():
        yield f"### {name}\n"
        yield _prose(part.get("description", ""))
        yield _table(_FIELD_TITLES, _fields(part))


def _fields(schema: Schema) -> Iterator[tuple[str, ...]]:
    required = schema.get("required", ())
    for name, field in schema["properties"].items():
        yield _row(name, field, name in required)


def _row(name: str, schema: Schema, required: bool) -> tuple[str, ...]:
    about = schema.get("description", "")
    return (f"`{name}`", _type(schema), "yes" if required else "", about)


def _type(schema: Schema) -> str:
    """A schema's type in a few words."""
    if "anyOf" in schema:
        kinds = (_type(kind) for kind in schema["anyOf"] if kind != {"type": "null"})
        return " or ".join(kinds)
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of ({_type(schema['items'])})"
    allowed = cast("list[str]", kind) if isinstance(kind, list) else [str(kind)]
    return ", ".join([" or ".join(allowed), *_bounds(schema)])


def _bounds(schema: Schema) -> Iterator[str]:
    least, most = schema.get("minLength"), schema.get("maxLength")
    if least is not None and most is not None:
        yield f"{least} to {most} characters"
    elif least is not None:
        yield f"at least {least} character"
    elif most is not None:
        yield f"at most {most} characters"
    if "pattern" in schema:
        yield f"`{schema['pattern']}`"
    if "format" in schema:
        yield str(schema["format"])
    low, high = schema.get("minimum"), schema.get("maximum")
    if high is not None and high < 2**63 - 1:
        yield f"{low} to {high}"
    elif high is not None:
        yield "64 bits" if low == -(2**63) else f"{low} or more, 64 bits"
    elif low is not None:
        yield f"{low} or more"


def _prose(docstring: str) -> str:
    return docstring.replace("``", "`") + "\n"


def _table(titles: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    ruled = [titles, tuple("---" for _ in titles), *rows]
    cells = ([cell.replace("|", "\\|") for cell in row] for row in ruled)
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def main(arguments: list[str]) -> int:
    """Write the documents into the one directory that is named."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m daybook.events.documents OUT_DIR\n")
        return 2
    write(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
