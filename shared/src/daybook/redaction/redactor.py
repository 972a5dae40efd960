"""The redactor: what leaves the process without its secrets."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

from daybook.redaction import cards, forms, json_text, names
from daybook.redaction.spans import Span, apply

_FORM_TYPE = "application/x-www-form-urlencoded"
# Schemes that stand before a credential; anything else before it may be part of it.
_SCHEME = re.compile(
    r"(?:basic|bearer|digest|token|apikey|negotiate|ntlm|dpop|hawk"
    r"|aws4-hmac-sha256)\s+(?=\S)",
    re.I,
)
_COOKIE = re.compile(r"[^=;]*=([^;]*)")


@dataclass(frozen=True)
class Redactor:
    """Replaces secrets character for character, and nothing else.

    ``*`` takes the place of each character of a secret (so its length shows), ``0``
    that of each digit of a bare JSON number (which may so begin with zeros). Key order,
    spelling, white space and invalid parts stay as they came.

    Fields are matched whole, once case, ``-`` and ``_`` are ignored, or by their
    ending; so are headers. ``patterns`` are more secrets anywhere in bodies, URLs and
    headers: group 1 of a pattern, or its whole match. A pattern must be fast on any
    input, as it runs over each body.

    Out of reach: names that say nothing, XML, percent-encoded JSON inside a form, and
    whatever is encrypted, archived or base64 in itself. Bytes that are neither UTF-8
    nor UTF-16 are searched as if each byte were a character.
    """

    fields: frozenset[str] = names.FIELDS
    field_endings: frozenset[str] = names.FIELD_ENDINGS
    headers: frozenset[str] = names.HEADERS
    header_endings: frozenset[str] = names.HEADER_ENDINGS
    patterns: tuple[re.Pattern[str], ...] = ()
    card_numbers: bool = True
    enabled: bool = field(default=True, kw_only=True)

    @classmethod
    def off(cls) -> Self:
        """Leaves every secret where it is. Only for data that has none."""
        return cls(enabled=False)

    def also(
        self,
        *,
        fields: Iterable[str] = (),
        headers: Iterable[str] = (),
        patterns: Iterable[re.Pattern[str]] = (),
    ) -> Self:
        """The same, and these too."""
        return replace(
            self,
            fields=self.fields | frozenset(fields),
            headers=self.headers | frozenset(headers),
            patterns=(*self.patterns, *patterns),
        )

    def redact_text(
        self, text: str, content_type: str = "", *, cut: bool = False
    ) -> str:
        """A body's text. JSON is recognised whatever its type says.

        ``cut``: the text is the beginning of something longer; what it ends in may be
        the first half of a secret.
        """
        if not self.enabled:
            return text
        kind = content_type.partition(";")[0].strip().lower()
        json_like = json_text.looks_like_json(text)
        spans: list[Span] = []
        if '"' in text:
            spans += json_text.find_secrets(text, self._secret_field)
        if json_like:
            spans += json_text.find_loose_secrets(text, self._secret_field, cut=cut)
        elif kind.startswith("multipart/"):
            spans += forms.find_multipart_secrets(
                text, content_type, self._secret_field
            )
        elif kind == _FORM_TYPE or (
            kind in ("", "text/plain") and forms.looks_like_form(text)
        ):
            spans += forms.find_form_secrets(text, self._secret_field)
        spans += self._anywhere(text, cut=cut, bare_numbers=json_like)
        return apply(text, spans)

    def redact_value(self, value: str) -> str:
        """A URL or one header's value: secret parameters, passwords, card numbers."""
        return self._value(value)

    def redact_headers(self, headers: Iterable[tuple[str, str]]) -> list[list[str]]:
        """Every header as [name, value], in its order.

        Of a credential its scheme stays, of cookies their names.
        """
        if not self.enabled:
            return [[name, value] for name, value in headers]
        return [
            [name, self._credential(name, value) or self._value(value)]
            for name, value in headers
        ]

    def _credential(self, name: str, value: str) -> str | None:
        if not self._secret_header(name):
            return None
        match name.lower():
            case "cookie":
                found = [match.span(1) for match in _COOKIE.finditer(value)]
            case "set-cookie":
                found = [match.span(1) for match in [_COOKIE.match(value)] if match]
            case _:
                scheme = _SCHEME.match(value)
                found = [(scheme.end() if scheme else 0, len(value))]
        spans = [Span(*span) for span in found] or [Span(0, len(value))]
        return apply(value, spans)

    def _value(self, text: str) -> str:
        short = len(text) < cards.MIN_CARD_CHARS and "=" not in text
        if not self.enabled or (short and not self.patterns):
            return text
        return apply(text, self._anywhere(text, cut=False, bare_numbers=False))

    def _anywhere(self, text: str, *, cut: bool, bare_numbers: bool) -> list[Span]:
        spans: list[Span] = []
        if "=" in text or "://" in text:
            spans += forms.find_query_secrets(text, self._secret_field)
        if self.card_numbers and (found := list(cards.find_cards(text, cut=cut))):
            spans += _card_spans(text, found, bare_numbers=bare_numbers)
        for pattern in self.patterns:
            group = 1 if pattern.groups else 0
            for match in pattern.finditer(text):
                if match.end(group) > match.start(group):
                    spans.append(Span(*match.span(group)))
        return spans

    @cached_property
    def _secret_field(self) -> names.NameMatcher:
        return names.NameMatcher(self.fields, self.field_endings)

    @cached_property
    def _secret_header(self) -> names.NameMatcher:
        return names.NameMatcher(self.headers, self.header_endings)


def _card_spans(
    text: str, found: list[tuple[int, int]], *, bare_numbers: bool
) -> list[Span]:
    if not bare_numbers:
        return [Span(start, end, "digits") for start, end in found]
    spans: list[Span] = []
    strings = iter(json_text.string_ranges(text))
    string = next(strings, None)
    for start, end in found:
        while string is not None and string[1] <= start:
            string = next(strings, None)
        inside = string is not None and string[0] < start
        spans.append(Span(start, end, "digits" if inside else "zeros"))
    return spans
