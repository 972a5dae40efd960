"""Payment card numbers, wherever they stand in a text."""

import re
from collections.abc import Iterator

# What stands between the groups: also "+" and "%20", as forms and URLs write a space.
_GAP = r"(?: |-|\u00a0|\+|%20)"
# The last three spellings of "no digit before": also right after an escape that ends in
# digits (\u0020, %20). A fraction (0.4111111111111111) is no card.
_START = (
    r"[2-6](?:(?<![0-9].)|(?<=\\u[0-9A-Fa-f]{4}.)|(?<=%[0-9A-Fa-f]{2}.))"
    r"(?<![0-9]\..)"
)
_CANDIDATE = re.compile(
    _START + r"(?:[0-9]{11,18}"
    rf"|[0-9]{{3}}({_GAP})[0-9]{{4}}\1[0-9]{{4}}\1[0-9]{{1,4}}(?:\1[0-9]{{1,3}})?"
    rf"|[0-9]{{3}}({_GAP})[0-9]{{6}}\2[0-9]{{4,5}}"
    r")(?![0-9])"
)
# Prefixes and lengths of Visa, Mastercard, American Express, Discover, UnionPay, JCB,
# Diners Club, Maestro and Mir.
_BRANDS = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"
    r"|5[1-5][0-9]{14}"
    r"|(?:222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"
    r"|220[0-4][0-9]{12,15}"
    r"|3[47][0-9]{13}"
    r"|(?:6011|64[4-9][0-9]|65[0-9]{2}|60[0-9]{2}|62[0-9]{2})[0-9]{12,15}"
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12,15}"
    r"|3(?:0[0-59]|[689][0-9])[0-9]{11,16}"
    r"|(?:5018|5020|5038|5[678][0-9]{2}|6304|6759|676[123])[0-9]{8,15}"
)
_BEGINNING = re.compile(r"4|5[0-8]|2[2-7]|3[0-9]|6[0-9]")
_NOT_DIGIT = re.compile("[^0-9]")
_ESCAPED_GAP = re.compile("%20")
# Each digit to its double, or the sum of that one's digits.
_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")
# The longest card as text: 19 digits and four gaps of three characters.
MAX_CARD_CHARS = 31
# The shortest: 12 digits.
MIN_CARD_CHARS = 12
_TAIL = re.compile(rf"(?<![0-9])[0-9]+(?:{_GAP}[0-9]+)*{_GAP}?$")
# What a card shows of itself even on a receipt: its issuer. Less is no secret.
_ISSUER_DIGITS = 6
_LONGEST = 19


def find_cards(text: str, *, cut: bool = False) -> Iterator[tuple[int, int]]:
    """Every card number as (start, end): right prefix, length and Luhn digit.

    With or without one kind of gap between the usual groups, never inside a longer run
    of digits. In a text that was ``cut``, digits at its very end which may begin a card
    count as one: more than an issuer's six.
    """
    position = 0
    while match := _CANDIDATE.search(text, position):
        start, end = match.span()
        gap = match.group(1) or match.group(2) or ""
        if _is_card(match.group(), gap):
            yield start, end
            position = end
        elif match.group(1) and _is_card(match.group().rpartition(gap)[0], gap):
            # What follows the last gap is something else, such as a year.
            position = start + match.group().rindex(gap)
            yield start, position
        else:
            position = start + 1
    if cut:
        yield from _beginning_of_card(text)


def _is_card(written: str, gap: str) -> bool:
    digits = written.replace(gap, "") if gap else written
    return _BRANDS.fullmatch(digits) is not None and _luhn(digits.encode())


def _luhn(digits: bytes) -> bool:
    total = sum(digits[-1::-2]) + sum(digits[-2::-2].translate(_DOUBLED))
    return (total - len(digits) * ord("0")) % 10 == 0


def _beginning_of_card(text: str) -> Iterator[tuple[int, int]]:
    offset = max(0, len(text) - MAX_CARD_CHARS - 1)
    tail = _TAIL.search(text, offset)
    if tail is None:
        return
    for group in re.finditer("[0-9]+", tail.group()):
        written = _ESCAPED_GAP.sub("", tail.group()[group.start() :])
        digits = _NOT_DIGIT.sub("", written)
        if _ISSUER_DIGITS < len(digits) < _LONGEST and _BEGINNING.match(digits):
            yield tail.start() + group.start(), len(text)
            return
