"""What is kept of a body while it passes, and what the log says of it."""

import base64
import codecs
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from daybook.events.request import HttpMessage
from daybook.integrations import encodings
from daybook.redaction import Redactor

# Kept past the limit while redacting, then cut off: a card number that the limit would
# cut in two is still seen whole.
LOOKAHEAD: Final = 64

Buffer = bytes | bytearray | memoryview


class BodyTap:
    """Counts a body as it passes and keeps its beginning, never more than the limit."""

    __slots__ = ("_chunks", "_room", "complete", "seen", "unseen")

    def __init__(self, limit: int) -> None:
        self._chunks: list[bytes] = []
        self._room = limit + LOOKAHEAD
        self.seen = 0
        self.complete = False
        self.unseen = False  # bytes passed that we were not shown: a file sent by name

    def add(self, data: Buffer) -> None:
        size = len(data)
        self.seen += size
        if size and self._room > 0:
            self._chunks.append(bytes(data[: self._room]))
            self._room -= size

    @property
    def kept(self) -> bytes:
        return b"".join(self._chunks)


class _Text(NamedTuple):
    body: str
    encoding: Literal["utf-8", "base64"]
    truncated: bool


def describe(
    tap: BodyTap,
    headers: Sequence[tuple[str, str]],
    *,
    limit: int,
    redactor: Redactor,
    declared_size: int | None,
) -> HttpMessage:
    """One side of the exchange, redacted.

    ``body_size`` is the size as sent, so before content-encoding is undone. An empty
    body is null with size 0; one that never passed is null with its declared size, or
    none. A body that may not be shown is a sentence in brackets, without
    ``body_encoding``: ``[withheld: content-encoding br could not be decoded]``.
    """
    content_type = _header(headers, "content-type")
    size = tap.seen if tap.complete and not tap.unseen else declared_size
    body, encoding, truncated = None, None, None
    if tap.unseen:
        body = "[not captured: the server sent a file]"
    elif tap.seen:
        try:
            body, encoding, truncated = _text_of(
                tap, headers, content_type or "", limit, redactor
            )
        except encodings.UndecodableError as error:
            named = error.encoding[:40]
            body = f"[withheld: content-encoding {named} could not be decoded]"
    elif tap.complete or size:
        # Of a body that never passed and declared no size, nothing is known.
        truncated = not tap.complete
    return HttpMessage(
        headers=redactor.redact_headers(headers),
        content_type=content_type,
        body=body,
        body_encoding=encoding,
        body_size=size,
        truncated=truncated,
    )


def _text_of(
    tap: BodyTap,
    headers: Sequence[tuple[str, str]],
    content_type: str,
    limit: int,
    redactor: Redactor,
) -> _Text:
    body = tap.kept
    cut = not tap.complete or tap.seen > len(body)
    if applied := _encodings(headers):
        body, cut = encodings.undo(body, applied, limit=limit + LOOKAHEAD, cut=cut)
    truncated = cut or len(body) > limit
    body = _redact_utf16(body, content_type, redactor, cut=cut)
    text = _decode(body, "utf-8", cut=cut)
    if text is not None:
        # Redaction keeps the number of characters, so the limit is found before it.
        kept = len(text) if not truncated else _characters(body[:limit])
        redacted = redactor.redact_text(text, content_type, cut=cut)
        return _Text(redacted[:kept], "utf-8", truncated)
    characters = redactor.redact_text(body.decode("latin-1"), content_type, cut=cut)
    redacted = characters.encode("latin-1")[:limit]
    return _Text(base64.b64encode(redacted).decode(), "base64", truncated)


def _characters(body: bytes) -> int:
    return len(codecs.getincrementaldecoder("utf-8")().decode(body))


def _decode(body: bytes, codec: str, *, cut: bool) -> str | None:
    """The text, or None; of a cut body without the piece of a character at its end."""
    try:
        if not cut:
            return body.decode(codec)
        return codecs.getincrementaldecoder(codec)().decode(body)
    except UnicodeDecodeError:
        return None


def _redact_utf16(
    body: bytes, content_type: str, redactor: Redactor, *, cut: bool
) -> bytes:
    """A UTF-16 text without its secrets; any other body as it is."""
    marked = body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if not marked and b"\x00" not in body[:4]:
        return body
    even = len(body) & ~1
    for codec in ("utf-16-le", "utf-16-be"):
        text = _decode(body[:even], codec, cut=False)
        if text and text.lstrip("\ufeff")[:1].isascii():
            redacted = redactor.redact_text(text, content_type, cut=cut)
            return redacted.encode(codec) + body[even:]
    return body


def _header(headers: Sequence[tuple[str, str]], wanted: str) -> str | None:
    return next((value for name, value in headers if name.lower() == wanted), None)


def _encodings(headers: Sequence[tuple[str, str]]) -> list[str]:
    """Content-encodings in the order they were applied."""
    applied: list[str] = []
    for name, value in headers:
        if name.lower() == "content-encoding":
            applied += (part.strip().lower() for part in value.split(","))
    return [encoding for encoding in applied if encoding not in ("", "identity")]
