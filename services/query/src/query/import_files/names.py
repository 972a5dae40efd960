"""What an upload says of itself, made harmless: a file's name and its content type.

Both are shown and sent back, and neither ever names anything in the storage.
"""

import re
import unicodedata
from email.message import Message
from urllib.parse import quote

LONGEST_NAME = 255
UNKNOWN_TYPE = "application/octet-stream"

_LONGEST_TYPE = 255
_WORD = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_CONTENT_TYPE = re.compile(rf"{_WORD}/{_WORD}( *;[ -~]*)?")
# Marks that turn the text around them, so that one name reads like another.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e") | frozenset(
    "\u2066\u2067\u2068\u2069"
)
# Controls, surrogates, and line and paragraph separators.
_UNSHOWN = frozenset({"Cc", "Cs", "Zl", "Zp"})
_PLAIN = re.compile(r"[^A-Za-z0-9._ -]")


def clean_name(text: str | None) -> str | None:
    """The last part of a name without what is no text; None where nothing is left."""
    if text is None:
        return None
    # Both separators: the name may come from any system.
    last = re.split(r"[/\\]", text)[-1]
    shown = "".join(
        character
        for character in last
        if unicodedata.category(character) not in _UNSHOWN and character not in _TURNING
    )
    name = shown.strip()[:LONGEST_NAME].strip()
    return name if name.strip(".") else None


def clean_type(text: str | None) -> str | None:
    """A content type as it was given, or None where it is none."""
    if text is None or len(text) > _LONGEST_TYPE:
        return None
    return text if _CONTENT_TYPE.fullmatch(text) else None


def disposed_name(header: str | None) -> str | None:
    """The file's name in a ``Content-Disposition``, in either of its notations."""
    if header is None:
        return None
    message = Message()
    # Its bytes are most often UTF-8, whatever the standard says.
    message["content-disposition"] = as_utf8(header)
    return message.get_filename()


def as_utf8(header: str) -> str:
    """A header that was read as Latin-1, read as UTF-8 where it is that."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header


def attachment(name: str) -> str:
    """A ``Content-Disposition`` that has any name, for clients old and new."""
    plain = _PLAIN.sub("_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
