"""As much of an answer as is kept: 16 KiB of its body, and of its headers."""

import base64
import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

MOST_BYTES: Final = 16 * 1024

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The start of a body, as text; in base64 where it is no UTF-8."""

    text: str
    encoding: Literal["utf-8", "base64"]
    truncated: bool


def excerpt(body: bytes, *, truncated: bool = False) -> Excerpt:
    """At most 16 KiB of ``body``; ``truncated`` says that it is the start of more."""
    truncated = truncated or len(body) > MOST_BYTES
    start = body[:MOST_BYTES]
    try:
        # A character that the cut went through is left out.
        decoder = codecs.getincrementaldecoder("utf-8")()
        return Excerpt(decoder.decode(start, final=not truncated), "utf-8", truncated)
    except UnicodeDecodeError:
        return Excerpt(base64.b64encode(start).decode(), "base64", truncated)


def kept_headers(headers: Iterable[tuple[str, str]]) -> Headers:
    """As many headers as fit into 16 KiB, each whole, in their order."""
    kept: list[tuple[str, str]] = []
    left = MOST_BYTES
    for name, value in headers:
        left -= len(name.encode()) + len(value.encode())
        if left < 0:
            break
        kept.append((name, value))
    return tuple(kept)
