"""Secrets in JSON, found in its text without parsing it.

The text may be cut off, invalid, several documents, or JSON inside a string of JSON.
A key is a quoted name before a colon, wherever it stands, so one stray quote does not
hide what follows. Scans move forward only: linear in the text's length, at any depth.
"""

import json
import re
from collections.abc import Callable, Iterator

from daybook.redaction.spans import Span

IsSecret = Callable[[str], bool]

# Longer names are no names of ours; bounds the look back from each colon.
MAX_KEY = 128
# JSON in JSON escapes its quotes with 1, 3, 7, 15 backslashes: four levels down.
_LEVELS = frozenset({0, 1, 3, 7, 15})

_KEY = re.compile(r'"([^"\\]{1,128})"\s*:\s*')
_ESCAPED_KEY = re.compile(r'\\[^"]{0,128}("\s*:\s*)')
_COLON = re.compile(r"\s*:\s*")
# Bounds how often a text is searched for one name.
_FEW = 8
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_NUMBER = re.compile(r"[+-]?[0-9.][0-9.eE+-]*")
_TOKEN = re.compile(r'[{}\[\]]|\\*"|\\+[nrt]|[^\s{}\[\]",:\\]+|\\+')
_BARE = re.compile(r"[^,}\]\r\n]*")
_ESCAPED_BARE = re.compile(r'[^,}\]\r\n"\\]*')
_LITERALS = ("true", "false", "null")
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
# Keys as JavaScript writes them, or Python's repr.
_SINGLE_QUOTED_KEY = re.compile(r"'([^'\"\\\n]{1,64})'\s*:\s*")
_UNQUOTED_KEY = re.compile(r"[{,]\s*([A-Za-z_$][\w$-]{0,63})\s*:\s*")


def looks_like_json(text: str) -> bool:
    return text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")


def find_secrets(text: str, is_secret: IsSecret) -> list[Span]:
    """The values of secret fields.

    A string loses every character between its quotes, a number its digits; ``true``,
    ``false`` and ``null`` stay; of an object or an array every value inside goes. A
    value without an end goes to the end of the text.
    """
    found = [(start, 0) for start in _plain_keys(text, is_secret)]
    if "\\" in text:
        found += _escaped_keys(text, is_secret)
        found.sort()
    spans: list[Span] = []
    done = 0
    for start, level in found:
        if start >= done:
            done = _mask_value(text, start, level, spans)
    return spans


def _plain_keys(text: str, is_secret: IsSecret) -> list[int]:
    """Where the values of secret keys begin; keys without a backslash."""
    # A text has few different names and fewer secret ones: each is asked once, and then
    # looked for. Too many to look for one by one are met in a single pass.
    secret = [name for name in set(_KEY.findall(text)) if is_secret(name)]
    if len(secret) > _FEW:
        every = _KEY.finditer(text)
        return [match.end() for match in every if is_secret(match.group(1))]
    return sorted(
        colon.end()
        for name in secret
        for quote in _occurrences(text, f'"{name}"')
        if (colon := _COLON.match(text, quote))
    )


def _occurrences(text: str, wanted: str) -> Iterator[int]:
    """Where each of them ends."""
    position = text.find(wanted)
    while position >= 0:
        position += len(wanted)
        yield position
        position = text.find(wanted, position)


def _escaped_keys(text: str, is_secret: IsSecret) -> Iterator[tuple[int, int]]:
    for match in _ESCAPED_KEY.finditer(text):
        quote = match.start(1)
        level = _backslashes(text, quote)
        key = _key_before(text, quote - level, level)
        if key is not None and is_secret(key):
            yield match.end(), level


def find_loose_secrets(text: str, is_secret: IsSecret, *, cut: bool) -> list[Span]:
    """Secrets under keys in single quotes or none: only in what is no valid JSON.

    A valid text may hold such words inside its strings, where they are prose; in a
    ``cut`` one, unquoted values are left for the same reason.
    """
    spans: list[Span] = []
    done = 0
    for pattern in (_SINGLE_QUOTED_KEY, _UNQUOTED_KEY):
        for match in pattern.finditer(text):
            opener = text[match.end() : match.end() + 1]
            if (
                is_secret(match.group(1))
                and match.start() >= done
                and (opener in ("", '"', "'") or not cut)
            ):
                done = _mask_value(text, match.end(), 0, spans)
        done = 0
    return spans if spans and not _is_valid(text) else []


def string_ranges(text: str) -> list[tuple[int, int]]:
    """Where the strings stand, quotes included: tells a bare number from its digits."""
    return [match.span() for match in _STRING.finditer(text)]


def _is_valid(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _backslashes(text: str, quote: int, floor: int = 0) -> int:
    """How many backslashes stand right before ``quote``, not before ``floor``."""
    start = quote
    while start > floor and text[start - 1] == "\\":
        start -= 1
    return quote - start


def _key_before(text: str, end: int, level: int) -> str | None:
    if level not in _LEVELS:
        return None
    floor = max(0, end - MAX_KEY)
    quote = text.rfind('"', floor, end)
    if quote < 0 or _backslashes(text, quote, floor) != level:
        return None
    key = text[quote + 1 : end]
    for _ in range(5):
        if "\\" not in key:
            return key
        key = _ESCAPE.sub(_unescape, key)
    return key


def _unescape(match: re.Match[str]) -> str:
    escape = match.group(1)
    return chr(int(escape[1:], 16)) if len(escape) == 5 else escape


def _mask_value(text: str, start: int, level: int, spans: list[Span]) -> int:
    """Mask the value that begins at ``start``; answers where it ends."""
    if text.startswith("\\" * level + '"', start):
        return _mask_string(text, start + level + 1, level, spans)
    first = text[start : start + 1]
    if first in ("{", "["):
        return _mask_container(text, start, level, spans)
    if first == "'" and level == 0:
        return _mask_single_quoted(text, start + 1, spans)
    bare = (_ESCAPED_BARE if level else _BARE).match(text, start)
    end = start + len(bare.group().rstrip()) if bare else start
    _mask_bare(text, start, end, spans)
    return end


def _mask_string(text: str, start: int, level: int, spans: list[Span]) -> int:
    """``level`` is the number of backslashes before each quote that delimits."""
    position = start
    while (quote := text.find('"', position)) >= 0:
        escapes, rest = divmod(_backslashes(text, quote, start), level + 1)
        if rest != level:
            # The quote of a string further out: this one never ended.
            spans.append(Span(start, quote - rest))
            return quote - rest
        if escapes % 2 == 0:
            spans.append(Span(start, quote - level))
            return quote + 1
        position = quote + 1
    spans.append(Span(start, len(text)))
    return len(text)


def _mask_single_quoted(text: str, start: int, spans: list[Span]) -> int:
    position = start
    while (quote := text.find("'", position)) >= 0:
        if _backslashes(text, quote, start) % 2 == 0:
            spans.append(Span(start, quote))
            return quote + 1
        position = quote + 1
    spans.append(Span(start, len(text)))
    return len(text)


def _mask_bare(text: str, start: int, end: int, spans: list[Span]) -> None:
    word = text[start:end]
    if not word or word in _LITERALS:
        return
    if end == len(text) and any(literal.startswith(word) for literal in _LITERALS):
        return
    number = _NUMBER.fullmatch(word) is not None
    spans.append(Span(start, end, "zeros" if number else "stars"))


def _mask_container(text: str, start: int, level: int, spans: list[Span]) -> int:
    """Mask every value inside; keys stay. Counts brackets: no recursion, no stack."""
    depth = 0
    position = start
    while match := _TOKEN.search(text, position):
        token = match.group()
        position = match.end()
        if token in ("{", "["):
            depth += 1
        elif token in ("}", "]"):
            depth -= 1
            if depth == 0:
                return position
        elif token.endswith('"'):
            if len(token) - 1 < level:
                return match.start()
            inside: list[Span] = []
            end = _mask_string(text, position, level, inside)
            if not _COLON.match(text, end):
                spans.extend(inside)
            position = end
        elif not token.startswith("\\"):
            _mask_bare(text, match.start(), position, spans)
    return len(text)
