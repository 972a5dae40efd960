"""Failed rows: upserts of their own, each known by its number, else by its code.

Of each run the lowest are kept. The same row told twice is one row: the later word on
it counts. Both hold in any order and however often, since a set of the lowest, and the
greatest word on each, are joins.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from heapq import nsmallest
from typing import Any

from daybook.runtime.mongo import Document
from daybook.storage.tasks import LAST_PLACE, MOST_FAILED_ROWS
from daybook.storage.times import from_ms
from pymongo import UpdateOne

RowKey = tuple[int, int, str]
"""Run, place, and the key within the task."""
RowOrder = tuple[int, str, int, tuple[tuple[str, Any], ...]]
"""When and by which event it was told, as the how-manieth of it, and the row itself."""

_NAMES = ("row", "code", "source_id", "reason")
# Caps an index key; beyond it the digest is as exact.
_LONGEST_KEY = 200


def lowest(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of one event's rows those that may be kept, each with the last word on it."""
    if len(rows) <= MOST_FAILED_ROWS:
        return list(rows)
    last = {(_place(row), _key(row)): number for number, row in enumerate(rows)}
    kept = nsmallest(MOST_FAILED_ROWS, last)
    return [rows[number] for number in sorted(last[key] for key in kept)]


def rows_of(
    run: int, at: int, event_id: str, rows: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[RowKey, RowOrder]]:
    """The rows of one event."""
    for number, row in enumerate(rows):
        entry = tuple((name, row[name]) for name in _NAMES if name in row)
        yield (run, _place(row), _key(row)), (at, event_id, number, entry)


def _place(row: Mapping[str, Any]) -> int:
    return row.get("row", LAST_PLACE)


def _key(row: Mapping[str, Any]) -> str:
    for name in _NAMES:
        if row.get(name) is not None:
            key = f"{name}:{row[name]}"
            break
    else:
        key = "nothing"
    if len(key) > _LONGEST_KEY:
        key = f"sha256~{sha256(key.encode()).hexdigest()}"
    return key


def upserts(task: str, rows: Mapping[RowKey, RowOrder]) -> list[UpdateOne]:
    """Writes for one task's rows; of each run no more than are kept anyway."""
    runs = {run for run, _, _ in rows}
    lowest = [
        key
        for run in sorted(runs)
        for key in nsmallest(MOST_FAILED_ROWS, (key for key in rows if key[0] == run))
    ]
    return [_upsert(task, key, rows[key]) for key in lowest]


def _upsert(task: str, key: RowKey, order: RowOrder) -> UpdateOne:
    run, place, name = key
    at, event_id, number, entry = order
    identity: Document = {"task": task, "run": run, "key": name}
    told = {"at": from_ms(at), "event": event_id, "n": number, **dict(entry)}
    return UpdateOne(
        {"_id": identity},
        {
            # Documents compare by their fields in order: the latest word is greatest.
            "$max": {"entry": told},
            "$setOnInsert": {"task": task, "run": run, "place": place},
        },
        upsert=True,
    )
