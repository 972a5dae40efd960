"""Which characters of a text are secret, and how they are replaced."""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

# Not those of "%20", which may stand between the groups of a card number.
_DIGIT = re.compile("(?<!%)[0-9](?<!%[0-9]{2})")


class Span(NamedTuple):
    """Characters ``start`` to ``end`` of a text, and what becomes of them.

    ``stars``: each becomes ``*``. ``digits``: each digit becomes ``*``. ``zeros``: each
    digit becomes ``0``, so that a bare JSON number stays digits.
    """

    start: int
    end: int
    mask: Literal["stars", "digits", "zeros"] = "stars"


def apply(text: str, spans: Sequence[Span]) -> str:
    """Mask the spans and nothing else; the text keeps its number of characters.

    Spans may overlap and come in any order: what begins first wins.
    """
    if not spans:
        return text
    pieces: list[str] = []
    done = 0
    for span in sorted(spans):
        start = max(span.start, done)
        if span.end <= start:
            continue
        pieces.append(text[done:start])
        secret = text[start : span.end]
        match span.mask:
            case "stars":
                pieces.append("*" * len(secret))
            case "digits":
                pieces.append(_DIGIT.sub("*", secret))
            case "zeros":
                pieces.append(_DIGIT.sub("0", secret))
        done = span.end
    pieces.append(text[done:])
    return "".join(pieces)
