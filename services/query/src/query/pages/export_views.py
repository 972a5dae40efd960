"""What the Exports pages show, made from documents; no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

from daybook.runtime.mongo import Document

from query.exports.shapes import ENDED, expires_at
from query.pages.asked import COMMAND
from query.pages.export_words import (
    CHANNEL_WORDS,
    FORMAT_WORDS,
    OBJECT_WORDS,
    object_word,
)
from query.pages.forms import CURSOR, TIMES, Blank, Form, Pairs, Sheet
from query.pages.links import EXPORTS
from query.pages.text import count, long_duration, size
from query.shapes import Json, time_or_null, time_text

_STATUS_WORDS = {
    "SCHEDULED": "Scheduled",
    "IN_PROGRESS": "In progress",
    "DONE": "Done",
    "ERROR": "Failed",
}
FINISHED = frozenset(ENDED)
# The page's parameter that says what a form has just done, by its word.
SAID = "said"
# The field of a form that makes one export, though a button is pressed twice.
ONCE = "once"

SHEET = Sheet(
    EXPORTS,
    {
        **TIMES,
        "status": Blank("Status", options=_STATUS_WORDS),
        "exported_object": Blank("Object", options=OBJECT_WORDS),
        "response_format": Blank("Format", options=FORMAT_WORDS),
        "channel": Blank("Made by", options=CHANNEL_WORDS),
        "user_id": Blank("User", "id"),
    },
    dropped=(CURSOR, COMMAND, SAID),
)

Tone = Literal["idle", "busy", "ok", "bad", "warn"]


@dataclass(frozen=True, slots=True)
class State:
    """How an export is doing: a status, or that somebody cancelled it."""

    name: str
    word: str
    tone: Tone


CANCELLED = State("disabled", "Cancelled", "idle")
STATES: Mapping[str, State] = {
    "SCHEDULED": State("enqueued", _STATUS_WORDS["SCHEDULED"], "idle"),
    "IN_PROGRESS": State("running", _STATUS_WORDS["IN_PROGRESS"], "busy"),
    "DONE": State("done", _STATUS_WORDS["DONE"], "ok"),
    "ERROR": State("failed", _STATUS_WORDS["ERROR"], "bad"),
}
EVERY_STATE = (*STATES.values(), CANCELLED)


def make_form(pairs: Pairs, problems: Mapping[str, str]) -> Form:
    """The form that the pairs of a query string fill in, with their faults."""
    states: dict[str, Pairs] = {"All": []}
    for status, word in _STATUS_WORDS.items():
        states[word] = [("status", status)]
    return SHEET.form(
        pairs, problems, segments=[SHEET.segments("Status", pairs, states)]
    )


def state_of(export: Document) -> State:
    return CANCELLED if export.get("cancelled") else STATES[export["status"]]


@dataclass(frozen=True, slots=True)
class Bar:
    """How far an export is; ``percent`` is None where nobody knows of how many."""

    percent: int | None
    counts: str
    bad: int = 0
    failed: str = ""

    @property
    def good(self) -> int:
        return self.percent or 0


def bar_of(export: Document) -> Bar:
    """Never full before it is done: the last part is yet to be stored."""
    rows, expected = rows_of(export) or 0, export.get("expected_rows")
    if export["status"] == "DONE":
        return Bar(100, _rows(rows))
    if expected is None:
        return Bar(None if rows else 0, _rows(rows) if rows else "")
    percent = 99 if rows >= expected else int(100 * rows / expected)
    return Bar(percent, f"{count(rows)} of {_rows(max(rows, expected))}")


def _rows(number: int) -> str:
    return f"{count(number)} {'row' if number == 1 else 'rows'}"


def rows_of(export: Document) -> int | None:
    """How many it holds; of a file that another service made that may be unknown."""
    recorded: Mapping[str, Any] | None = export.get("recorded")
    return export.get("rows") if recorded is None else recorded.get("rows")


def bytes_of(export: Document) -> int | None:
    recorded: Mapping[str, Any] | None = export.get("recorded")
    if recorded is not None:
        return recorded.get("bytes")
    file: Mapping[str, Any] | None = export.get("file")
    return file["bytes"] if file else export.get("bytes")


def left_of(export: Document, now: datetime) -> str:
    """How long it will take yet, by its own pace; empty where none is known."""
    started, expected = export.get("started_at"), export.get("expected_rows")
    rows: int = export.get("rows") or 0
    if export["status"] != "IN_PROGRESS" or not (started and expected and rows):
        return ""
    took = (now - started) / timedelta(seconds=1)
    seconds = took * max(0, expected - rows) / rows
    return f"about {long_duration(seconds)} left" if seconds >= 1 else "almost done"


@dataclass(frozen=True, slots=True)
class Row:
    """An export in the list, or the head of its detail."""

    export: Document
    now: datetime
    href: str
    selected: bool = False

    @property
    def id(self) -> str:
        return self.export["id"]

    @property
    def title(self) -> str:
        return object_word(self.export["exported_object"])

    @property
    def format(self) -> str:
        """Its format in words; empty where it was not told."""
        parameters: Mapping[str, Any] = self.export.get("parameters") or {}
        given = parameters.get("response_format")
        return FORMAT_WORDS.get(str(given), str(given)) if given else ""

    @property
    def channel(self) -> str:
        channel: str = self.export.get("channel") or ""
        return CHANNEL_WORDS.get(channel, channel)

    @property
    def who(self) -> str:
        """Who asked for it, as far as that is known, else by which way."""
        return self.export.get("user_id") or self.channel or "\u2014"

    @property
    def state(self) -> State:
        return state_of(self.export)

    @property
    def why(self) -> str:
        """Why it failed; nothing of one that somebody cancelled."""
        if self.export["status"] != "ERROR" or self.export.get("cancelled"):
            return ""
        error: Mapping[str, Any] = self.export.get("error") or {}
        return error.get("message") or ""

    @property
    def unfinished(self) -> bool:
        return self.export["status"] not in FINISHED

    @property
    def bar(self) -> Bar:
        return bar_of(self.export)

    @property
    def rows(self) -> str:
        """Of one that is finished: how many it has, as far as that is known."""
        rows = rows_of(self.export)
        return "rows unknown" if rows is None else _rows(rows)

    @property
    def size(self) -> str:
        return size_of(self.export)

    @property
    def left(self) -> str:
        return left_of(self.export, self.now)

    @property
    def created(self) -> str:
        return time_text(self.export["created_at"])

    @property
    def expires(self) -> str | None:
        return time_or_null(expires_at(self.export))

    @property
    def expired(self) -> bool:
        expires = expires_at(self.export)
        return expires is not None and expires <= self.now


def size_of(export: Document) -> str:
    held = bytes_of(export)
    if held is None or (not held and export["status"] != "DONE"):
        return "\u2014"
    return size(held)


def live(export: Document, now: datetime) -> Json:
    """What changes while an export runs, in the words of the page."""
    bar, state = bar_of(export), state_of(export)
    return {
        "id": export["id"],
        "state": state.name,
        "word": state.word,
        "finished": export["status"] in FINISHED,
        "run": export.get("claim") or 0,
        "percent": bar.percent,
        "good": bar.good,
        "bad": bar.bad,
        "counts": bar.counts,
        "failed": bar.failed,
        "size": size_of(export),
        "left": left_of(export, now),
    }


def recorded_url(export: Document) -> str | None:
    """Where the file is that another service made; other schemes than http are not."""
    recorded: Mapping[str, Any] = export.get("recorded") or {}
    url = recorded.get("url")
    if not isinstance(url, str) or any(character.isspace() for character in url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.hostname else None
