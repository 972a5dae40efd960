"""A task's history as a page tells it: run by run, progress folded; no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from daybook.events.task import (
    TaskEnqueued,
    TaskFinished,
    TaskProgressed,
    TaskStarted,
)
from daybook.runtime.mongo import Document

from query.pages.task_views import OPERATION_WORDS
from query.pages.text import count, duration
from query.shapes import time_text
from query.tasks.timeline import Ends

ENQUEUED = TaskEnqueued.type
PROGRESSED = TaskProgressed.type
_WORDS = {
    ENQUEUED: "Enqueued",
    TaskStarted.type: "Started",
    PROGRESSED: "Progressed",
    TaskFinished.type: "Finished",
}
_ORDER = tuple(_WORDS)
# Up to here each sign of progress is a step of its own.
_MOST_PROGRESS = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One event; ``since``: how long after the event before."""

    word: str
    tone: str
    at: str
    since: str | None
    counts: str
    message: str | None


@dataclass(frozen=True, slots=True)
class Fold:
    """Events that are not shown; ``text`` says how many."""

    text: str


@dataclass(frozen=True, slots=True)
class Run:
    """One run's steps, the oldest first."""

    number: int
    steps: Sequence[Step | Fold]


def runs_of(ends: Ends) -> list[Run]:
    """The history by run; what lies between the ends is in the run that it is in."""
    found: dict[int, list[Document]] = {}
    for event in (*ends.oldest, *ends.newest):
        found.setdefault(event.get("run", 1), []).append(event)
    # What is left out follows the oldest events.
    interrupted = ends.oldest[-1].get("run", 1) if ends.oldest else None
    return [
        Run(run, _steps(events, ends.between if run == interrupted else 0))
        for run, events in sorted(found.items())
    ]


def _steps(events: Sequence[Document], between: int) -> list[Step | Fold]:
    """The steps; ``between`` events more are known by their number alone."""
    ordered = sorted(
        events, key=lambda event: (event["created_at"], _rank(event["type"]))
    )
    progress = [event for event in ordered if event["type"] == PROGRESSED]
    hidden: set[str] = set()
    if between or len(progress) > _MOST_PROGRESS:
        hidden = {event["_id"] for event in progress[1:-1]}
    left_out = len(hidden) + between
    steps: list[Step | Fold] = []
    before: datetime | None = None
    for event in ordered:
        if event["_id"] in hidden:
            continue
        if left_out and len(progress) > 1 and event is progress[-1]:
            steps.append(_fold(left_out))
            left_out = 0
        steps.append(_step(event, before))
        before = event["created_at"]
    if left_out:
        steps.append(_fold(left_out))
    return steps


def _rank(kind: str) -> int:
    """What comes first of one millisecond."""
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER)


def _fold(left_out: int) -> Fold:
    return Fold(f"{count(left_out)} more event{'' if left_out == 1 else 's'}")


def _step(event: Document, before: datetime | None) -> Step:
    kind: str = event["type"]
    word, tone = _WORDS.get(kind, kind), ""
    result: Mapping[str, Any] = event.get("result") or {}
    outcome = event.get("outcome")
    if outcome is not None:
        word = f"Finished: {'done' if outcome == 'DONE' else 'failed'}"
        tone = "ok" if outcome == "DONE" else "bad"
        operation = event.get("operation_status")
        if operation in OPERATION_WORDS:
            word += f", operation {OPERATION_WORDS[operation].lower()}"
    since = None
    if before is not None:
        since = duration((event["created_at"] - before) / timedelta(milliseconds=1))
    return Step(
        word,
        tone,
        time_text(event["created_at"]),
        since,
        _counts(event),
        result.get("message"),
    )


def _counts(event: Document) -> str:
    done, total = event.get("done_count"), event.get("total")
    said: list[str] = []
    if event.get("progress") is not None:
        said.append(f"{event['progress']} %")
    if done is not None:
        of = "" if total is None else f" of {count(total)}"
        said.append(f"{count(done)}{of} done")
    elif total is not None and event["type"] == ENQUEUED:
        said.append(f"{count(total)} in all")
    if event.get("failed_count"):
        said.append(f"{count(event['failed_count'])} failed")
    return ", ".join(said)
