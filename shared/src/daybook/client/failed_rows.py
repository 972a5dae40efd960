"""The failed rows of one run: all are counted, the lowest are sent."""

from collections.abc import Mapping
from heapq import heappush, heapreplace
from typing import Any, cast

from pydantic import ValidationError

from daybook.events.base import INT64_MAX
from daybook.events.task import FailedRow

# As many as the task-tracker keeps of a run: to send more is to send them for nothing.
MOST_FAILED_ROWS = 1_000
# What one event carries of them: well below what its topic takes.
CHUNK_BYTES = 512 * 1024
# Of a reason and of an id, in characters: some words, and no document.
LONGEST_REASON = 1_000
LONGEST_ID = 256

_FIELDS = frozenset(FailedRow.model_fields)


class FailedRows:
    """Not thread-safe. Keeps twice ``MOST_FAILED_ROWS`` at most, however many fail."""

    def __init__(self) -> None:
        self.count = 0
        # The numbers of the lowest rows so far, negated: the highest of them in front.
        self._lowest: list[int] = []
        self._unsent: list[FailedRow] = []

    def add(self, row: FailedRow) -> None:
        """Count it, and keep it for sending if it is among the lowest."""
        self.count += 1
        if len(self._lowest) < MOST_FAILED_ROWS:
            heappush(self._lowest, -_place(row))
        elif _place(row) < -self._lowest[0]:
            heapreplace(self._lowest, -_place(row))
        else:
            return
        self._unsent.append(row)
        if len(self._unsent) > 2 * MOST_FAILED_ROWS:
            self._trim()

    def take(self) -> list[list[FailedRow]]:
        """What was not sent yet, the lowest first, in parts that fit an event each."""
        self._trim()
        chunks: list[list[FailedRow]] = []
        size = CHUNK_BYTES
        for row in self._unsent:
            size += _most_bytes(row)
            if size > CHUNK_BYTES:
                chunks.append([])
                size = _most_bytes(row)
            chunks[-1].append(row)
        self._unsent = []
        return chunks

    def _trim(self) -> None:
        self._unsent.sort(key=_place)
        del self._unsent[MOST_FAILED_ROWS:]


def failed_row(given: FailedRow | Mapping[str, Any]) -> FailedRow:
    """A row as a host names it, its texts cut to a bearable length; raises
    ``ValueError`` for what is none."""
    if isinstance(given, FailedRow):
        fields: dict[str, Any] = dict(given)
    elif isinstance(given, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - a host may hand over anything
        fields = dict(given)
    else:
        raise ValueError(f"a failed row is a FailedRow or a mapping, not {given!r}")
    if unknown := fields.keys() - _FIELDS:
        raise ValueError(
            f"a failed row has {', '.join(sorted(_FIELDS))}, not"
            f" {', '.join(sorted(map(str, unknown)))}"
        )
    for name, longest in (
        ("reason", LONGEST_REASON),
        ("code", LONGEST_ID),
        ("source_id", LONGEST_ID),
    ):
        fields[name] = cut(fields.get(name), longest)
    try:
        return FailedRow(**fields)
    except ValidationError as errors:
        raise ValueError(words(errors)) from None


def cut(text: object, longest: int) -> Any:
    """Text with its end cut off and "…" for it; anything else as it is."""
    if isinstance(text, str) and len(text) > longest:
        return text[: longest - 1] + "…"
    return cast("Any", text)


def words(errors: ValidationError) -> str:
    """The first error, for who called."""
    error = errors.errors(include_url=False)[0]
    where = ".".join(map(str, error["loc"]))
    return f"{where}: {error['msg']}, not {error['input']!r:.100}"


def _most_bytes(row: FailedRow) -> int:
    """JSON never makes more of its texts than six bytes a character."""
    texts = (row.reason, row.code, row.source_id)
    return 100 + 6 * sum(len(text) for text in texts if text is not None)


def _place(row: FailedRow) -> int:
    return INT64_MAX if row.row is None else row.row
