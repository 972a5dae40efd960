"""Status codes as filters name them: 404, 4xx, or null where nothing was answered."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

# Every status code that the event model allows.
ALL_CODES = range(100, 1000)


@dataclass(frozen=True, slots=True)
class Codes:
    """Status codes that are asked for; ``none``: what has no answer too."""

    codes: frozenset[int]
    none: bool


def read_codes(text: str) -> Codes | None:
    """The codes that a text names, or None when it names none."""
    if text == "null":
        return Codes(frozenset(), none=True)
    if len(text) != 3 or not text.isascii() or text[0] not in "123456789":
        return None
    if text[1:] == "xx":
        first = int(text[0]) * 100
        return Codes(frozenset(range(first, first + 100)), none=False)
    return Codes(frozenset({int(text)}), none=False) if text.isdigit() else None


def codes_of(texts: Iterable[str]) -> Codes:
    """All that the texts name together."""
    read = [codes for text in texts if (codes := read_codes(text)) is not None]
    return Codes(
        frozenset(chain.from_iterable(item.codes for item in read)),
        none=any(item.none for item in read),
    )
