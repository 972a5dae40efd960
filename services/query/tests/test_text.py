import json
import re
from html import unescape

import pytest
from query.pages.text import duration, exact, formatted_json, kept, size


def seen(text: str) -> str:
    """What a browser's ``textContent`` is, but for its treatment of line ends."""
    return unescape(re.sub(r"<[^>]*>", "", str(exact(text))))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "<b>&amp;</b>",
        "\n\nlead",
        "a\tb",
        "שלום 😀 \u202e x",
        "\x1b[0m\x7f",
    ],
)
def test_text_is_shown_as_it_is(text: str) -> None:
    assert seen(text) == text


def test_a_carriage_return_survives_html_and_is_marked() -> None:
    html = str(exact("a\r\nb"))

    assert html == 'a<span class="ctl" data-code="000D">&#13;</span>\nb'


def test_what_turns_the_text_around_it_is_marked() -> None:
    assert 'data-code="202E"' in str(exact("moc.\u202eelpmaxe"))


def test_a_body_of_nothing_but_controls_does_not_drown_in_marks() -> None:
    html = str(exact("\x00\r" * 10_000))

    assert len(html) < 100_000
    assert "<span" not in html


def test_json_is_laid_out_without_a_change_to_any_value() -> None:
    text = (
        '{"n":12345678901234567890,"n":1.00,"e":[],"o":{},'
        '"s":"a, {b}: \\"c\\" \\ud800","l":[1,-2e+10,true,null]}'
    )

    laid_out = formatted_json(text)

    assert laid_out == (
        '{\n  "n": 12345678901234567890,\n  "n": 1.00,\n  "e": [],\n  "o": {},\n'
        '  "s": "a, {b}: \\"c\\" \\ud800",\n'
        '  "l": [\n    1,\n    -2e+10,\n    true,\n    null\n  ]\n}'
    )
    assert json.loads(laid_out) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    ["", "plain", "{broken", '{"a":1}x', "[" * 100_000, "12", '"text"', "[]", "{}"],
)
def test_what_is_no_json_object_is_not_laid_out(text: str) -> None:
    assert formatted_json(text) is None


def test_sizes_and_durations_are_for_people() -> None:
    assert [size(n) for n in (None, 0, 1, 1023, 65536, 4 * 1024**2)] == [
        "size unknown",
        "0 bytes",
        "1 byte",
        "1023 bytes",
        "64.0 KiB",
        "4.0 MiB",
    ]
    assert [duration(ms) for ms in (None, 0.123, 12.3, 2450, 192_000, 8e7)] == [
        "—",
        "0.12 ms",
        "12 ms",
        "2.45 s",
        "3 min 12 s",
        "22 h 13 min",
    ]
    assert [kept("é", "utf-8"), kept("AAE=", "base64"), kept(None, None)] == [2, 2, 0]
