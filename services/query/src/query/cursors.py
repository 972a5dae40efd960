"""Where a list goes on: the text that clients hand back for the next page."""

import base64
import binascii
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, cast

import orjson

from query.filters import EARLIEST, LATEST, Filters, Window

_CHECKSUM_BYTES = 12
# Changes with the shape below, so that an old cursor is refused and not misread.
_SHAPE = b"daybook.list.1"


@dataclass(frozen=True, slots=True)
class Position:
    """All that sorts before this is answered: go on strictly below it.

    Without an id: strictly before the millisecond.
    """

    ms: int
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in one list, with the window that the list was made for.

    ``span`` is how many milliseconds one slice of a slow search last had, so that the
    next page does not begin by finding that out again.
    """

    position: Position
    window: Window
    span: int | None = None


class InvalidCursor(ValueError):
    """The cursor cannot be used; the message says why and what to do."""


class DamagedCursor(InvalidCursor):
    """The cursor is damaged: pass next_cursor on as it came, or leave cursor out."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class ForeignCursor(InvalidCursor):
    """The cursor belongs to another list: repeat the filters and the project it was
    made for, or leave cursor out.
    """

    def __init__(self) -> None:
        super().__init__(" ".join(str(self.__doc__).split()))


def write_cursor(cursor: Cursor, name: str, project_id: str, filters: Filters) -> str:
    """The cursor as text, bound to the list's name, the project and the filters."""
    payload = orjson.dumps(
        [
            _binding(name, project_id, filters),
            cursor.position.ms,
            cursor.position.id,
            cursor.window.after,
            cursor.window.before,
            cursor.span,
        ]
    )
    return write_sealed(payload, _SHAPE)


def read_cursor(
    text: str, name: str, project_id: str, filters: Filters, *, latest: int = LATEST
) -> Cursor:
    """The cursor that was written; raises :class:`InvalidCursor`.

    ``latest`` is the last place of the list: a time, or what else it is sorted by.
    """
    loaded = cast("list[Any]", orjson.loads(read_sealed(text, _SHAPE)))
    binding, *place = loaded
    if binding != _binding(name, project_id, filters):
        raise ForeignCursor
    # The checksum is no signature: what somebody made up must be a place all the same.
    if not _is_place(place, latest):
        raise DamagedCursor
    ms, thing_id, after, before, span = place
    return Cursor(Position(ms, thing_id), Window(after, before), span)


def _is_place(place: list[Any], latest: int) -> bool:
    if len(place) != 5:
        return False
    ms, thing_id, *ends, span = place
    return (
        _between(EARLIEST, ms, latest)
        and isinstance(thing_id, str | None)
        and all(end is None or _between(EARLIEST, end, LATEST) for end in ends)
        and (span is None or _between(1, span, LATEST - EARLIEST))
    )


def _between(low: int, value: object, high: int) -> bool:
    return type(value) is int and low <= value <= high


def write_sealed(payload: bytes, shape: bytes) -> str:
    """A payload as text that shows when it was damaged; ``shape`` names its kind."""
    sealed = _checksum(payload, shape) + payload
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def read_sealed(text: str, shape: bytes) -> bytes:
    """The payload that was sealed; raises :class:`DamagedCursor`."""
    try:
        raw = base64.b64decode(
            text.encode("ascii") + b"=" * (-len(text) % 4),
            altchars=b"-_",
            validate=True,
        )
    except (binascii.Error, UnicodeEncodeError) as error:
        raise DamagedCursor from error
    checksum, payload = raw[:_CHECKSUM_BYTES], raw[_CHECKSUM_BYTES:]
    # A checksum and no signature: a made-up cursor names a place in the caller's own
    # list and opens nothing, while a signature would break every cursor at a restart
    # or a change of secret.
    if checksum != _checksum(payload, shape):
        raise DamagedCursor
    return payload


def _checksum(payload: bytes, shape: bytes) -> bytes:
    return blake2b(payload, digest_size=_CHECKSUM_BYTES, person=shape).digest()


def _binding(name: str, project_id: str, filters: Filters) -> str:
    asked = orjson.dumps(
        [
            name,
            project_id,
            sorted((key, sorted(values)) for key, values in filters.values.items()),
            filters.window.after,
            filters.window.before,
        ]
    )
    return blake2b(asked, digest_size=9).hexdigest()
