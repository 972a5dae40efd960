"""Secrets in forms and query strings, found without decoding the text."""

import re
from collections.abc import Iterator
from urllib.parse import unquote_plus

from daybook.redaction.json_text import IsSecret
from daybook.redaction.spans import Span

_PAIR = re.compile(r"([^&=]*)=([^&]*)")
# A query inside any text. "&" may be spelled as JSON and HTML escape it.
_QUERY = re.compile(r"(?:[?&;#]|\\u0026)([^=&?;#\s\"'<>\\]{1,128})=([^&;#\s\"'<>\\]*)")
_USERINFO = re.compile(r"://[^/\s:@\"'<>?#]*:([^/\s@\"'<>?#]+)@")
_FORM = re.compile(r"[^\s={}\[\]\"'<>&]+=[^\s\"<>{}]*\Z")
_BOUNDARY = re.compile(r"boundary=(?:\"([^\"]{1,200})\"|([^\s;\"]{1,200}))", re.I)
_FIRST_LINE = re.compile(r"--([^\r\n]{1,200})\r?\n")
_NAME = re.compile(
    r"content-disposition:[^\r\n]*?[;\s]name=(?:\"([^\"\r\n]*)\"|([^;\s]+))", re.I
)
_HEADERS_END = re.compile(r"\r?\n\r?\n")


def looks_like_form(text: str) -> bool:
    """Whether the whole text is ``name=value&name=value`` (for undeclared bodies)."""
    return _FORM.match(text.rstrip("\r\n")) is not None


def find_form_secrets(text: str, is_secret: IsSecret) -> Iterator[Span]:
    """Values of secret fields in a urlencoded form or a query string.

    Names may be percent-encoded (``%70assword``); an invalid escape is taken as it is.
    """
    for match in _PAIR.finditer(text):
        if match.end(2) > match.start(2) and is_secret(unquote_plus(match.group(1))):
            yield Span(*match.span(2))


def find_query_secrets(text: str, is_secret: IsSecret) -> Iterator[Span]:
    """Values of secret parameters of URLs anywhere in a text, and their passwords."""
    for match in _QUERY.finditer(text):
        name = match.group(1).removeprefix("amp;")
        if match.end(2) > match.start(2) and is_secret(unquote_plus(name)):
            yield Span(*match.span(2))
    if "://" in text:
        for match in _USERINFO.finditer(text):
            yield Span(*match.span(1))


def find_multipart_secrets(
    text: str, content_type: str, is_secret: IsSecret
) -> Iterator[Span]:
    """Whole parts of secret fields in a multipart form, files included."""
    declared = _BOUNDARY.search(content_type) or _FIRST_LINE.match(text)
    if declared is None:
        return
    delimiter = "--" + next(group for group in declared.groups() if group)
    start = text.find(delimiter)
    while start >= 0:
        start += len(delimiter)
        end = text.find(delimiter, start)
        headers_end = _HEADERS_END.search(text, start, end if end >= 0 else len(text))
        if headers_end is None:
            start = end
            continue
        name = _NAME.search(text, start, headers_end.start())
        if name and is_secret(next((group for group in name.groups() if group), "")):
            until = len(text) if end < 0 else end
            # The line end before the delimiter belongs to it.
            if end >= 0:
                until -= 2 if text[until - 2 : until] == "\r\n" else 1
            if until > headers_end.end():
                yield Span(headers_end.end(), until)
        start = end
