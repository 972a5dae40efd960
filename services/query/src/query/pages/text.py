"""Stored text as HTML that shows every character of it and changes none."""

import json
import re

from markupsafe import Markup, escape

# Characters that HTML drops, changes or hides, or that turn the text around them:
# controls but tab and line feed, line separators, byte order marks, and the directional
# formatting that makes one address read like another.
_SPECIAL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)
# Past this many marks a page of them would hang the browser; they get no marks then.
_MOST_MARKS = 5_000
_LONGEST_FORMATTED = 512 * 1024
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def exact(text: str) -> Markup:
    """``text`` for a ``<pre>``: its ``textContent`` is the text, but for U+0000.

    HTML cannot hold that one, so its symbol stands there, marked. Marks are drawn by
    the stylesheet and are no part of the text.
    """
    marks = len(_SPECIAL.findall(text))
    shown: list[str] = []
    end = 0
    for found in _SPECIAL.finditer(text):
        shown.append(str(escape(text[end : found.start()])))
        shown.append(_mark(found[0], plain=marks > _MOST_MARKS))
        end = found.end()
    shown.append(str(escape(text[end:])))
    # Everything above is escaped or made of code points.
    return Markup("".join(shown))  # noqa: S704


def _mark(character: str, *, plain: bool) -> str:
    point = ord(character)
    if point == 0:
        inner = "\u2400"
    elif character == "\r":
        inner = "&#13;"  # a bare one would be read as a line feed
    else:
        inner = character
    if plain:
        return inner
    kind = "nul" if point == 0 else "ctl"
    return f'<span class="{kind}" data-code="{point:04X}">{inner}</span>'


def has_nul(text: str) -> bool:
    return "\0" in text


def formatted_json(text: str) -> str | None:
    """``text`` with the whitespace of a JSON text laid out anew, else None.

    Only whitespace between tokens differs: numbers, escapes, key order and duplicate
    keys stay as they are. None where the text is no JSON, very long, or laid out so.
    """
    if len(text) > _LONGEST_FORMATTED or text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None
    laid_out = _lay_out(_TOKEN.findall(text))
    return None if laid_out == text.strip() else laid_out


def _lay_out(pieces: list[str]) -> str:
    parts: list[str] = []
    depth = 0
    for index, piece in enumerate(pieces):
        following = pieces[index + 1] if index + 1 < len(pieces) else ""
        if piece in ("{", "["):
            parts.append(piece)
            if following not in ("}", "]"):
                depth += 1
                parts.append("\n" + "  " * depth)
        elif piece in ("}", "]"):
            if index and pieces[index - 1] not in ("{", "["):
                depth -= 1
                parts.append("\n" + "  " * depth)
            parts.append(piece)
        elif piece == ",":
            parts.append(",\n" + "  " * depth)
        else:
            parts.append(": " if piece == ":" else piece)
    return "".join(parts)


def size(count: int | None) -> str:
    """A number of bytes for people."""
    if count is None:
        return "size unknown"
    if count < 1024:
        return f"{count} byte" if count == 1 else f"{count} bytes"
    for unit in ("KiB", "MiB"):
        count_in_unit = count / 1024
        if count_in_unit < 1024 or unit == "MiB":
            return f"{count_in_unit:.1f} {unit}"
        count = int(count_in_unit)
    return f"{count} bytes"


def kept(body: str | None, encoding: str | None) -> int:
    """How many bytes of a body are recorded."""
    if not body:
        return 0
    if encoding == "base64":
        return len(body) // 4 * 3 - body.count("=", -2)
    return len(body.encode())


def duration(ms: float | None) -> str:
    """A duration for people; an em dash where none is known."""
    if ms is None:
        return "\u2014"
    if ms < 1:
        return f"{ms:.2f} ms"
    if ms < 1000:
        return f"{ms:.0f} ms"
    if ms < 60_000:
        return f"{ms / 1000:.2f} s"
    return long_duration(ms / 1000)


def long_duration(seconds: float) -> str:
    """A duration in whole seconds, of which the two largest units are said."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count or parts or unit == "s":
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def count(number: int) -> str:
    """A number with its thousands apart."""
    return f"{number:,}"
