"""Card numbers: right prefix, length and Luhn digit, wherever they stand."""

import re

import pytest
from daybook.redaction import Redactor

redact = Redactor().redact_text

CARDS = [
    "4111111111111111",
    "4222222222222",
    "4000000000000000006",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "6011111111111117",
    "3530111333300000",
    "30569309025904",
    "6200000000000005",
    "6304000000000000",
]


@pytest.mark.parametrize("card", CARDS)
def test_every_brand_is_known(card: str) -> None:
    assert redact(f"paid with {card}.") == f"paid with {'*' * len(card)}."


@pytest.mark.parametrize("gap", [" ", "-", "+", "%20", "\u00a0"])
def test_groups_may_be_apart(gap: str) -> None:
    card = gap.join(["4111", "1111", "1111", "1111"])
    amex = gap.join(["3782", "822463", "10005"])

    expected = gap.join(["****"] * 4) + ", " + gap.join(["****", "******", "*****"])

    assert redact(f"{card}, {amex}") == expected


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # Luhn
        "1111111111111117",  # no brand
        "41111111111111110000000",  # inside a longer run
        "0000000000000004111111111111111",
        '{"ratio": 0.4111111111111111}',
        "4111-1111 1111 1111",  # gaps of two kinds
        "1790000000000000000",  # nanoseconds
    ],
)
def test_other_digits_are_left(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"n":4111111111111111}', '{"n":0000000000000000}'),
        ("[1,4111111111111111,2]", "[1,0000000000000000,2]"),
        ('{"n":"4111111111111111"}', '{"n":"****************"}'),
        ('{"n":"a, 4111111111111111, b"}', '{"n":"a, ****************, b"}'),
        (r'{"n":"\u00204111111111111111"}', r'{"n":"\u0020****************"}'),
        ("a=1&b=%204111111111111111", "a=1&b=%20****************"),
        ("4111 1111 1111 1111 12", "**** **** **** **** 12"),
        ("2235 4111 1111 1111 1111", "2235 **** **** **** ****"),
    ],
)
def test_a_card_is_found_in_every_surrounding(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize("gap", ["", " ", "-"])
@pytest.mark.parametrize("size", range(1, 17))
def test_of_a_card_at_a_cut_end_no_more_than_its_issuer_shows(
    size: int, gap: str
) -> None:
    digits = "4111111111111111"[:size]
    written = gap.join(re.findall("....|.+", digits))

    shown = re.sub("[^0-9]", "", redact('{"c":"' + written, cut=True))

    assert len(shown) <= 6


def test_digits_at_the_end_of_a_whole_text_are_left() -> None:
    assert redact("order 41111111") == "order 41111111"


def test_cards_may_be_left_by_configuration() -> None:
    kept = Redactor(card_numbers=False)

    assert kept.redact_text("4111111111111111") == "4111111111111111"
