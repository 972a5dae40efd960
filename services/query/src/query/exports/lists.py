"""A page of a project's exports: by its number, or by where the one before ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from daybook.runtime.mongo import Document
from daybook.storage.times import from_ms, to_ms

from query.cursors import Cursor, Position, read_cursor, write_cursor
from query.exports.filters import Order, export_conditions, in_order
from query.exports.repository import Exports
from query.filters import Filters, InvalidFilters, Window

LIST: Final = "exports"
# By its number; 100 of 100 rows are as many as clients of Voucherify come by.
LAST_PAGE: Final = 100

_NEWEST_FIRST, _OLDEST_FIRST = -1, 1


@dataclass(frozen=True, slots=True)
class ExportPage:
    """A page of the list, and how many exports the whole list has."""

    rows: Sequence[Document]
    total: int
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class _Place:
    """Behind an export, in the list of its status where statuses are in order."""

    status: str | None
    position: Position


class ExportLists:
    """Reads pages of exports.

    Rows that arrive or go meanwhile move nothing for who follows cursors; a list by
    status shows an export again, or leaves it out, whose status changes meanwhile.
    """

    def __init__(self, stored: Exports) -> None:
        self._stored = stored

    async def page(
        self,
        project_id: str,
        filters: Filters,
        order: Order,
        *,
        limit: int,
        number: int | None = None,
        cursor_text: str | None = None,
    ) -> ExportPage:
        """One page: the first, the one of that number, or what follows the cursor.

        Raises InvalidCursor, and InvalidFilters where both are given.
        """
        if number is not None and cursor_text is not None:
            raise InvalidFilters({"page": "leave it out beside cursor"})
        place: _Place | None = None
        if cursor_text is not None:
            cursor = read_cursor(cursor_text, _name(order), project_id, filters)
            place = _place(cursor.position, order)
        visible = await self._stored.visible(project_id)
        matching = {"$and": [visible, export_conditions(filters)]}
        walks = [
            _Walk(status, matching if status is None else _also(matching, status))
            for status in in_order(order, filters)
        ]
        counts = [await self._stored.count(walk.conditions) for walk in walks]
        direction = _OLDEST_FIRST if order == "created_at" else _NEWEST_FIRST
        skip = ((number or 1) - 1) * limit
        found: list[Document] = []
        for walk, count in zip(walks, counts, strict=True):
            if place is not None and walk.status != place.status:
                continue
            if skip and skip >= count:
                skip -= count
                continue
            conditions = walk.conditions
            if place is not None:
                beyond = _beyond(place.position, project_id, direction)
                conditions = {"$and": [conditions, beyond]}
            found += await self._stored.newest(
                conditions,
                direction=direction,
                skip=skip,
                # One more tells whether there are more.
                limit=limit + 1 - len(found),
            )
            skip, place = 0, None
            if len(found) > limit:
                break
        return ExportPage(
            found[:limit],
            sum(counts),
            self._following(found, limit, order, project_id, filters),
        )

    def _following(
        self,
        found: Sequence[Document],
        limit: int,
        order: Order,
        project_id: str,
        filters: Filters,
    ) -> str | None:
        if len(found) <= limit:
            return None
        last = found[limit - 1]
        name = last["id"]
        if order.endswith("status"):
            name = f"{last['status']}/{name}"
        cursor = Cursor(Position(to_ms(last["created_at"]), name), Window())
        return write_cursor(cursor, _name(order), project_id, filters)


@dataclass(frozen=True, slots=True)
class _Walk:
    """Exports that an index holds in the list's order."""

    status: str | None
    conditions: Mapping[str, Any]


def _also(matching: Mapping[str, Any], status: str) -> Mapping[str, Any]:
    return {"$and": [matching, {"status": status}]}


def _name(order: Order) -> str:
    # A place in one order is none in another.
    return f"{LIST} {order}"


def _place(position: Position, order: Order) -> _Place:
    if not order.endswith("status"):
        return _Place(None, position)
    status, _, name = (position.id or "").partition("/")
    return _Place(status, Position(position.ms, name))


def _beyond(position: Position, project_id: str, direction: int) -> Mapping[str, Any]:
    past = "$lt" if direction == _NEWEST_FIRST else "$gt"
    moment = from_ms(position.ms)
    return {
        "created_at": {f"{past}e": moment},
        "$or": [
            {"created_at": {past: moment}},
            {"_id": {past: f"{project_id}/{position.id}"}},
        ],
    }
