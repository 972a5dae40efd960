"""Where browsing goes on: the text that clients hand back for the next page."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, cast

import orjson

from query.cursors import (
    DamagedCursor,
    InvalidCursor,
    read_sealed,
    write_sealed,
)

# Changes with the shape below, so that an old cursor is refused and not misread.
_SHAPE = b"daybook.rows.1"


@dataclass(frozen=True, slots=True)
class Place:
    """All rows up to number ``through`` are gone through.

    Of a sorted page ``after`` is the last row that was shown (0: none yet), and
    ``best`` are the rows that come next among those gone through, while not all are.
    """

    through: int = 0
    after: int = 0
    best: tuple[int, ...] = ()


class ForeignPlace(InvalidCursor):
    """The cursor belongs to another export, search or order: repeat those that it was
    made for, or leave cursor out.
    """

    def __init__(self) -> None:
        super().__init__(" ".join(str(self.__doc__).split()))


def write_place(place: Place, *, export: str, q: str | None, sort: str | None) -> str:
    """The place as text, bound to the export, the search and the order."""
    payload = [_binding(export, q, sort), place.through, place.after, *place.best]
    return write_sealed(orjson.dumps(payload), _SHAPE)


def read_place(
    text: str, *, export: str, q: str | None, sort: str | None, rows: int
) -> Place:
    """The place that was written; raises :class:`InvalidCursor`."""
    loaded = cast("list[Any]", orjson.loads(read_sealed(text, _SHAPE)))
    binding, *numbers = loaded
    if binding != _binding(export, q, sort):
        raise ForeignPlace
    # The checksum is no signature: what somebody made up must name rows all the same.
    if len(numbers) < 2 or not all(type(n) is int and 0 <= n <= rows for n in numbers):
        raise DamagedCursor
    through, after, *best = cast("list[int]", numbers)
    return Place(through, after, tuple(best))


def _binding(export: str, q: str | None, sort: str | None) -> str:
    asked = orjson.dumps([export, q, sort])
    return blake2b(asked, digest_size=9).hexdigest()
