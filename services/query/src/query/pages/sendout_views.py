"""What the Webhooks pages show of sendouts, made from shapes; no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from daybook.storage.sendout_filters import ATTEMPTS_FROM

from query.pages.asked import COMMAND
from query.pages.forms import (
    CURSOR,
    TIMES,
    Blank,
    Choice,
    Fact,
    Form,
    Link,
    Pairs,
    Segments,
    Sheet,
)
from query.pages.links import ENDPOINTS, SENDOUTS, endpoint_page, logs_of_request
from query.pages.ranges import RANGE, range_chip, range_links
from query.shapes import Json

Tone = Literal["idle", "busy", "ok", "bad", "warn"]

STATUS_WORDS = {
    "SCHEDULED": "Scheduled",
    "SENT": "Sent",
    "RETRYING": "Retrying",
    "FAILED": "Failed",
    "HELD": "Held",
}
_TONES: Mapping[str, Tone] = {
    "SCHEDULED": "idle",
    "SENT": "ok",
    "RETRYING": "warn",
    "FAILED": "bad",
    "HELD": "busy",
}
_TRIGGERS = {
    "first": "First attempt",
    "retry": "Retry",
    "manual": "Retried by hand",
    "bulk": "Retried with others",
    "replay": "Replay",
    "test": "Test",
}


SHEET = Sheet(
    SENDOUTS,
    {
        **TIMES,
        "status": Blank("Status", options=STATUS_WORDS),
        "event_type": Blank("Event type", "voucher.*"),
        "endpoint_id": Blank("Endpoint", "we_…"),
        "event_id": Blank("Event"),
        "entity_id": Blank("Entity"),
        "group_id": Blank("Request"),
        "status_code": Blank("Status code", "404, 4xx or null"),
        ATTEMPTS_FROM: Blank("Attempts at least", "3", "number", most=1_000_000),
    },
    kept=(RANGE,),
    dropped=(CURSOR, COMMAND),
)


def both_lists(chosen: str) -> Segments:
    """The two lists of webhooks."""
    lists = {"Sendouts": SENDOUTS, "Endpoints": ENDPOINTS}
    return Segments(
        "Webhooks",
        [Choice(word, href, href == chosen) for word, href in lists.items()],
    )


def make_form(
    pairs: Pairs, problems: Mapping[str, str], range_shown: str | None
) -> Form:
    """The form that a query string's pairs fill in, its faults beside the fields."""
    states: dict[str, Pairs] = {"All": []}
    for status, word in STATUS_WORDS.items():
        states[word] = [("status", status)]
    return SHEET.form(
        pairs,
        problems,
        segments=[
            both_lists(SENDOUTS),
            range_links(SHEET, pairs, range_shown),
            SHEET.segments("Status", pairs, states),
        ],
        first_chips=range_chip(SHEET, pairs, range_shown),
    )


@dataclass(frozen=True, slots=True)
class State:
    """How a sendout is doing, or how one attempt of it ended."""

    name: str
    word: str
    tone: Tone


def state_of(status: str) -> State:
    return State(status.lower(), STATUS_WORDS[status], _TONES[status])


@dataclass(frozen=True, slots=True)
class Row:
    """A sendout in the list, or the head of its detail."""

    shape: Json
    href: str
    selected: bool = False

    @property
    def state(self) -> State:
        return state_of(self.shape["status"])

    @property
    def error(self) -> str:
        """Why it was not delivered; nothing of one that was."""
        return error_of(self.shape)


def error_of(shape: Json) -> str:
    error: Json | None = shape["last_error"]
    return error["message"] if error and shape["status"] != "SENT" else ""


def facts(shape: Json, more: Mapping[str, Any]) -> list[Fact]:
    """What is known about a sendout and its event, in reading order.

    ``more``: what the API has no field for, by label.
    """
    opens: dict[str, Link | None] = {
        "endpoint_id": Link("Open endpoint", endpoint_page(shape["endpoint_id"])),
    }
    if shape["group_id"]:
        opens["group_id"] = Link("Show its log", logs_of_request(shape["group_id"]))
    return SHEET.facts(
        [
            ("Event type", shape["event_type"], "event_type"),
            ("Event id", shape["event_id"], "event_id"),
            ("Entity", shape["entity_id"], "entity_id"),
            ("Request", shape["group_id"], "group_id"),
            ("Endpoint", shape["endpoint_id"], "endpoint_id"),
            *((label, value, None) for label, value in more.items()),
            ("Created", shape["created_at"], None),
            ("Last attempt", shape["executed_at"], None),
            ("Next attempt", shape["next_attempt_at"], None),
        ],
        opens,
    )


def event_facts(source: Mapping[str, Any] | None) -> dict[str, Any]:
    """Who caused the event, as far as it was told."""
    source = source or {}
    user: Mapping[str, Any] = source.get("user") or {}
    key: Mapping[str, Any] = source.get("api_key") or {}
    return {
        "Channel": source.get("channel"),
        "User": user.get("email") or user.get("id"),
        "API key": key.get("name") or key.get("id"),
    }


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt, as the page tells it."""

    shape: Json

    @property
    def ok(self) -> bool:
        return self.shape["error"] is None

    @property
    def trigger(self) -> str:
        trigger: str = self.shape["trigger"]
        return _TRIGGERS.get(trigger, trigger)

    @property
    def error(self) -> str:
        return "" if self.ok else self.shape["error"]["message"]

    @property
    def code(self) -> str:
        code: int | None = self.shape["status_code"]
        return "no answer" if code is None else str(code)

    @property
    def sides(self) -> Sequence[tuple[str, Sequence[Sequence[str]]]]:
        """The headers of both sides, as far as they were kept."""
        both = (
            ("Request headers", self.shape["request_headers"] or ()),
            ("Response headers", self.shape["response_headers"] or ()),
        )
        return [(name, headers) for name, headers in both if headers]
