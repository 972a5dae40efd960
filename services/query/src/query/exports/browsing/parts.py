"""Which objects an export's rows are in, and whether they may be read at all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from daybook.storage.exports import KEPT_FILES, columns_part

from query.exports.browsing import errors

# What one statement goes through at most, compressed: it ends within the grace that a
# first one has on a slow disk too, and a search that is cut off loses no more than it.
STRETCH_BYTES = 64 * 1024 * 1024
# More small parts than this gain nothing from being one statement.
WIDEST = 32


@dataclass(frozen=True, slots=True)
class Part:
    """A columnar part; ``before`` rows of the export come before its first."""

    name: str
    rows: int
    bytes: int
    before: int

    @property
    def end(self) -> int:
        return self.before + self.rows


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive rows that one statement goes through: whole parts, or some of one.

    ``first`` and ``end`` are rows of the export, from 0, the end exclusive.
    """

    parts: Sequence[Part]
    first: int
    end: int


def browsable(export: Mapping[str, Any], now: datetime) -> None:
    """Raises the API's error where an export may not be browsed, or not yet."""
    if "recorded" in export:
        raise errors.recorded(export)
    if export["status"] == "ERROR":
        raise errors.failed(export)
    if export["status"] != "DONE":
        raise errors.not_ready(export)
    if export.get("expires_at", export["finished_at"] + KEPT_FILES) <= now:
        raise errors.expired(export)


def parts_of(export: Mapping[str, Any]) -> Sequence[Part]:
    """The parts of an export that is done, one at least, in the order of its rows."""
    parts: list[Part] = []
    before = 0
    for part in export["parts"]:
        name = columns_part(export, part)
        parts.append(Part(name, part["rows"], part["columns_bytes"], before))
        before += part["rows"]
    return parts


def stretches(parts: Sequence[Part], start: int, *, width: int) -> Iterator[Stretch]:
    """All rows from ``start`` on, in order, in stretches of bounded bytes.

    The first has ``width`` parts at most and each after it twice as many, so that what
    is found soon costs little and what is rare is not searched in crumbs.
    """
    index = next((i for i, part in enumerate(parts) if start < part.end), len(parts))
    while index < len(parts):
        part = parts[index]
        if start > part.before or part.bytes > STRETCH_BYTES:
            step = max(1, part.rows * STRETCH_BYTES // max(1, part.bytes))
            first = max(start, part.before)
            while first < part.end:
                end = min(first + step, part.end)
                yield Stretch((part,), first, end)
                first = end
            index += 1
            continue
        taken = [part]
        held = part.bytes
        for following in parts[index + 1 : index + width]:
            held += following.bytes
            if held > STRETCH_BYTES:
                break
            taken.append(following)
        yield Stretch(taken, part.before, taken[-1].end)
        index += len(taken)
        width = min(2 * width, WIDEST)


def grouped(parts: Sequence[Part], numbers: Sequence[int]) -> dict[Part, list[int]]:
    """Row numbers (from 1) by the part that holds them."""
    found: dict[Part, list[int]] = {}
    remaining = sorted(numbers)
    for part in parts:
        inside = [number for number in remaining if part.before < number <= part.end]
        if inside:
            found[part] = inside
    return found
