"""What the Logs page shows, made from filters and documents; no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from query.pages.forms import TIMES, Blank, Fact, Form, Link, Pairs, Sheet
from query.pages.ranges import RANGE, range_chip, range_links

SHEET = Sheet(
    "/logs",
    {
        **TIMES,
        "status": Blank(
            "Outcome", options={"SUCCESS": "Success", "FAILURE": "Failure"}
        ),
        "status_code": Blank("Status code", "404, 4xx or null"),
        "method": Blank("Method", "POST"),
        "endpoint": Blank("Endpoint", "POST /v1/orders/{id}"),
        "user": Blank("User", "id or e-mail"),
        "api_key": Blank("API key", "id or name"),
        "channel": Blank("Channel", "API"),
        "request_id": Blank("Request"),
        "resource_type": Blank("Resource type"),
        "resource_id": Blank("Resource"),
        "task_id": Blank("Task"),
        "import_file_id": Blank("Import file"),
    },
    kept=(RANGE,),
)


def make_form(
    pairs: Pairs, problems: Mapping[str, str], range_shown: str | None
) -> Form:
    """The form that a query string's pairs fill in, its faults beside the fields."""
    outcomes: dict[str, Pairs] = {
        "All": [],
        "Succeeded": [("status", "SUCCESS")],
        "Failed": [("status", "FAILURE")],
    }
    return SHEET.form(
        pairs,
        problems,
        segments=[
            range_links(SHEET, pairs, range_shown),
            SHEET.segments("Outcome", pairs, outcomes),
        ],
        first_chips=range_chip(SHEET, pairs, range_shown),
    )


def _known(shape: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return shape[name] or {}


@dataclass(frozen=True, slots=True)
class Row:
    """A log in the list."""

    shape: Mapping[str, Any]
    href: str
    selected: bool

    @property
    def title(self) -> str:
        """What the request was, as short as it is known."""
        return self.shape["endpoint"] or " ".join(
            filter(None, (self.shape["method"], self.shape["url"]))
        )

    @property
    def who(self) -> str:
        user, key = _known(self.shape, "user"), _known(self.shape, "api_key")
        return (
            user.get("email")
            or user.get("id")
            or key.get("name")
            or key.get("id")
            or "\u2014"
        )


def facts(shape: Mapping[str, Any], opens: Mapping[str, Link | None]) -> list[Fact]:
    """What is known about a log beside its messages, in reading order.

    ``opens``: the page of what a fact names, by the fact's filter.
    """
    user, key = _known(shape, "user"), _known(shape, "api_key")
    resource, origin = _known(shape, "resource"), _known(shape, "origin")
    return SHEET.facts(
        [
            ("Request id", shape["request_id"], "request_id"),
            ("User", user.get("id"), "user"),
            ("E-mail", user.get("email"), "user"),
            ("API key", key.get("name"), "api_key"),
            ("API key id", key.get("id"), "api_key"),
            ("Key kind", key.get("kind"), None),
            ("Channel", shape["channel"], "channel"),
            ("Client IP", shape["client_ip"], None),
            ("User agent", shape["user_agent"], None),
            ("Resource", resource.get("id"), "resource_id"),
            ("Resource type", resource.get("type"), "resource_type"),
            ("Task", shape["task_id"], "task_id"),
            ("Import file", shape["import_file_id"], "import_file_id"),
            ("Received", shape["received_at"], None),
            ("Event time", shape["event_time"], None),
            ("Source", shape["source"], None),
            ("Sequence", shape["sequence"], None),
            ("Trace", shape["traceparent"], None),
            ("Origin", origin_text(origin), None),
            ("Other fields", shape["extra"], None),
        ],
        opens,
    )


def origin_text(origin: Mapping[str, Any] | None) -> str | None:
    """Where an event came from: topic, partition and offset."""
    if not origin:
        return None
    return f"{origin['topic']} / {origin['partition']} @ {origin['offset']}"
