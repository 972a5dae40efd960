"""What an answer's status and headers mean, in words."""

from datetime import UTC, datetime

import pytest
from webhook_dispatcher.answers import ErrorKind, of_status, of_timeout, retry_after_s
from webhook_dispatcher.excerpts import excerpt, kept_headers

NOW = datetime(2026, 11, 25, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 299])
def test_every_2xx_is_sent(status: int) -> None:
    assert of_status(status) is None


@pytest.mark.parametrize(
    ("status", "location", "kind", "words"),
    [
        (400, None, "status", "answered 400"),
        (404, "/x", "status", "answered 404"),
        (410, None, "status", "answered 410 Gone: endpoint disabled"),
        (429, None, "status", "answered 429"),
        (500, None, "status", "answered 500"),
        (599, None, "status", "answered 599"),
        (101, None, "status", "answered 101"),
        (
            302,
            "https://example.com/x",
            "redirect",
            "answered 302 to https://example.com/x: redirects are not followed",
        ),
        (307, None, "redirect", "answered 307: redirects are not followed"),
        (304, None, "redirect", "answered 304: redirects are not followed"),
        (301, "/a\x00\x1bb", "redirect", "answered 301 to /a b: redirects are not"),
    ],
)
def test_other_statuses_are_told(
    status: int, location: str | None, kind: str, words: str
) -> None:
    failure = of_status(status, location)

    assert failure is not None
    assert failure.kind == kind
    assert failure.message.startswith(words)


def test_a_long_redirect_is_cut() -> None:
    failure = of_status(302, "x" * 10_000)

    assert failure is not None
    assert len(failure.message) < 600


def test_a_timeout_says_how_long() -> None:
    assert of_timeout(10.0).message == "took longer than 10 s"
    assert of_timeout(0.25).message == "took longer than 0.25 s"
    assert of_timeout(1).kind is ErrorKind.TIMEOUT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("9" * 50, None),
        ("0", 0),
        (" 120 ", 120),
        ("Wed, 25 Nov 2026 12:01:00 GMT", 60),
        ("Wed, 25 Nov 2026 13:01:00 +0100", 60),
        ("Wed, 25 Nov 2026 12:01:00", 60),
        ("Wednesday, 25-Nov-26 12:01:00 GMT", 60),
        ("Wed, 25 Nov 2026 11:00:00 GMT", 0),
        ("Wed, 99 Nov 2026 11:00:00 GMT", None),
        ("Wed, 25 Nov 999999999999 11:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(
    value: str | None, seconds: float | None
) -> None:
    assert retry_after_s(value, NOW) == seconds


def test_a_body_is_kept_as_text_or_base64() -> None:
    assert excerpt("é".encode()).text == "é"
    assert excerpt(b"").text == ""
    assert excerpt(b"\xff\x00") == excerpt(b"\xff\x00", truncated=False)
    assert (excerpt(b"\xff").text, excerpt(b"\xff").encoding) == ("/w==", "base64")
    assert excerpt("é".encode()[:1]).encoding == "base64"


def test_a_cut_never_goes_through_a_character() -> None:
    kept = excerpt(b"x" + "é".encode() * 16_384)

    assert kept.encoding == "utf-8"
    assert kept.truncated
    assert len(kept.text.encode()) == 16_383


def test_headers_are_kept_whole_up_to_16_kib() -> None:
    many = [("name", "v" * 996)] * 20

    assert kept_headers(many) == tuple(many[:16])
