"""The stretches of an index that are left to read, in its order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from daybook.exports.conditions import Selection
from daybook.runtime.mongo import Document
from daybook.storage.times import hour_of, to_ms

_BOUNDS = frozenset({"$gte", "$gt", "$lte", "$lt"})


@dataclass(frozen=True, slots=True)
class Order:
    """By ``created_at``, then ``_id``; both up or both down."""

    up: bool

    @property
    def after(self) -> str:
        return "$gt" if self.up else "$lt"

    @property
    def not_before(self) -> str:
        return f"{self.after}e"

    def sort(self, *, by_hour: bool) -> dict[str, int]:
        """``hour`` follows from ``created_at``, and keeps a walk's index in order."""
        names = ("hour", "created_at", "_id") if by_hour else ("created_at", "_id")
        return dict.fromkeys(names, 1 if self.up else -1)


def conditions(
    selection: Selection, order: Order, place: Mapping[str, Any] | None
) -> list[Document]:
    """What to ask for, one query after the other: each within exact bounds.

    After a place that is first the rest of its millisecond. An attempt's place has its
    sendout in it once more, for those of its attempts that are left.
    """
    if place is None:
        return [_walks(selection, order, {}, None)]
    at = place["created_at"]
    same = order.not_before if "attempt" in place else order.after
    return [
        _walks(selection, order, {"created_at": at, "_id": {same: place["_id"]}}, at),
        _walks(selection, order, {"created_at": {order.after: at}}, at),
    ]


def _walks(
    selection: Selection, order: Order, bounds: Document, at: datetime | None
) -> Document:
    asked: list[Document] = [selection.match, bounds] if bounds else [selection.match]
    if selection.refs is None:
        return {"$and": asked}
    hours = _hours(selection.match.get("created_at"), order, at)
    if hours:
        asked.append({"hour": hours})
    # Each reference is a walk of its own, and the walks are merged in order.
    walks = [{"$and": [{"refs": one}, *asked]} for one in selection.refs]
    return walks[0] if len(walks) == 1 else {"$or": walks}


def _hours(window: object, order: Order, at: datetime | None) -> Document:
    """The hours to walk, where the window or the place bounds them."""
    hours: Document = {}
    if isinstance(window, Mapping):
        for operator, moment in cast("Mapping[str, Any]", window).items():
            if operator in _BOUNDS and isinstance(moment, datetime):
                # An hour that is cut is walked too.
                hours[f"{operator[:3]}e"] = _hour(moment)
    if at is not None:
        hours[order.not_before] = _hour(at)
    return hours


def _hour(moment: datetime) -> int:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return hour_of(to_ms(aware))


def place_after(documents: Sequence[Document]) -> Document:
    """Where to go on behind the last of them."""
    last = documents[-1]
    place: Document = {"created_at": last["created_at"], "_id": last["_id"]}
    if "history" in last:
        place["attempt"] = last["history"]["attempt"]
    return place
