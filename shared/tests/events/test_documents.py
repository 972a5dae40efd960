import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

# It ships without types.
import jsonschema  # pyright: ignore[reportMissingTypeStubs]
import pytest
from daybook.events import asyncapi as asyncapi_module
from daybook.events.asyncapi import SchemaClash, asyncapi
from daybook.events.base import Event, Part
from daybook.events.catalog import EVENTS, json_schema
from daybook.events.documents import documents, main, write
from daybook.events.request import RequestCompleted
from daybook.events.topics import TOPICS
from daybook.testing.records import request_event

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))
COMMITTED = Path(__file__).parents[3] / "docs" / "events"
Validator: Any = jsonschema.Draft202012Validator


def golden(path: Path) -> tuple[dict[str, str], Any]:
    record = json.loads(path.read_text())
    return dict(record["headers"]), json.loads(record["value"])


def in_document(schema: dict[str, Any]) -> Any:
    """A validator of a part of the AsyncAPI document."""
    return Validator({"components": asyncapi()["components"], **schema})


def test_what_is_committed_is_what_the_code_says() -> None:
    committed = {path.name: path.read_text() for path in COMMITTED.iterdir()}

    assert committed == documents(), "run `make docs` and commit what it writes"


def test_files_of_events_that_are_no_more_are_removed(tmp_path: Path) -> None:
    (tmp_path / "old.v1.schema.json").write_text("{}")
    (tmp_path / "kept.txt").write_text("not ours")

    assert main([str(tmp_path)]) == 0
    write(tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {*documents(), "kept.txt"}


def test_the_command_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "OUT_DIR" in capsys.readouterr().err


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_every_events_schema_is_a_schema(event: type[Event]) -> None:
    Validator.check_schema(json_schema(event))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_events_fit_their_schemas(path: Path) -> None:
    headers, value = golden(path)
    binary = "ce_type" in headers
    kind = headers["ce_type"] if binary else value["type"]
    event = EVENTS[kind]

    Validator(json_schema(event)).validate(value if binary else value["data"])
    name = f"{event.__name__}Binary" if binary else event.__name__
    message = asyncapi()["components"]["messages"][name]
    in_document(message["payload"]).validate(value)
    in_document(message["headers"]).validate(headers)


@pytest.mark.parametrize(
    "spoilt",
    [
        request_event(projectid="no spaces"),
        request_event(projectid=...),
        request_event(specversion="0.3"),
        request_event(type="daybook.other.v1"),
        request_event(data={"method": 7}),
        request_event(data={"method": ...}),
        request_event(data={"status_code": 99}),
        request_event(sequence=2**63),
    ],
)
def test_what_ingest_refuses_does_not_fit_the_schema(spoilt: dict[str, Any]) -> None:
    payload = asyncapi()["components"]["messages"]["RequestCompleted"]["payload"]

    assert in_document(payload).is_valid(request_event())
    assert not in_document(payload).is_valid(spoilt)


def test_every_topic_is_a_channel_with_its_limits_and_messages() -> None:
    document = asyncapi()

    assert set(document["channels"]) == set(TOPICS)
    for name, topic in TOPICS.items():
        channel = document["channels"][name]
        kafka = channel["bindings"]["kafka"]
        assert channel["messages"]
        assert kafka["partitions"] == topic.partitions
        assert kafka["topicConfiguration"] == {
            **topic.settings(),
            "cleanup.policy": ["delete"],  # a list, as the binding has it
        }
        assert topic.settings()["message.timestamp.type"] == "LogAppendTime"


def test_every_event_is_published_in_both_content_modes() -> None:
    messages = asyncapi()["components"]["messages"]

    for event in EVENTS.values():
        structured, binary = (
            messages[event.__name__],
            messages[f"{event.__name__}Binary"],
        )
        assert structured["contentType"] == "application/cloudevents+json"
        assert binary["headers"]["properties"]["ce_type"] == {"const": event.type}


def test_every_reference_leads_somewhere() -> None:
    document = asyncapi()

    for reference in references(document):
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        members = cast("dict[str, Any]", node)
        if "$ref" in members:
            yield members["$ref"]
        node = list(members.values())
    if isinstance(node, list):
        for item in cast("list[Any]", node):
            yield from references(item)


def test_every_field_of_every_event_says_what_it_is() -> None:
    for event in EVENTS.values():
        schema = json_schema(event)
        for part in (schema, *schema.get("$defs", {}).values()):
            for name, field in part["properties"].items():
                assert field.get("description"), f"{part['title']}.{name}"


def test_two_different_parts_of_one_name_are_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class User(Part):
        badge: int

    class DoorOpened(Event):
        """A door was opened."""

        type = "daybook.door.opened.v1"
        topic = RequestCompleted.topic

        user: User

    events = {**EVENTS, DoorOpened.type: DoorOpened}
    monkeypatch.setattr(asyncapi_module, "EVENTS", events)

    with pytest.raises(SchemaClash, match="User"):
        asyncapi()
