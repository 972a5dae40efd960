"""Forms, query strings, multipart bodies and headers."""

import re

import pytest
from daybook.redaction import Redactor

FORM = "application/x-www-form-urlencoded"
redactor = Redactor()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("user=a&password=b%20c&x=1", "user=a&password=*****&x=1"),
        ("%70assword=abc&q=%zz%", "%70assword=***&q=%zz%"),
        ("user%5Bpassword%5D=abc", "user%5Bpassword%5D=***"),
        ("password=", "password="),
        ("password=a=b&&=x&c", "password=***&&=x&c"),
        ("api_key=cut-o", "api_key=*****"),
        ('q=say%20%22hi%22&token=a"b', "q=say%20%22hi%22&token=***"),
    ],
)
def test_secret_fields_of_a_form_are_masked(text: str, expected: str) -> None:
    assert redactor.redact_text(text, FORM) == expected


def test_a_form_without_a_type_is_recognised() -> None:
    assert redactor.redact_text("a=1&token=x") == "a=1&token=*"
    assert redactor.redact_text("password=x", "text/plain") == "password=*"


def test_secret_parts_of_a_multipart_form_are_masked() -> None:
    text = (
        '--B\r\nContent-Disposition: form-data; name="password"\r\n\r\nhun\r\nter\r\n'
        "--B\r\ncontent-disposition: form-data; name=note\r\n\r\nhello\r\n"
        '--B\r\nContent-Disposition: form-data; filename="k"; name="private_key"\r\n'
        "Content-Type: text/plain\r\n\r\nKEY\r\n--B--\r\n"
    )
    expected = text.replace("hun\r\nter", "********").replace("KEY", "***")

    for content_type in ("multipart/form-data; boundary=B", "multipart/form-data"):
        assert redactor.redact_text(text, content_type) == expected
    cut = text[: text.index("ter")]
    assert redactor.redact_text(cut, "multipart/form-data; boundary=B", cut=True) == (
        cut.replace("hun\r\n", "*****")
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h/p?token=abc&a=1", "http://h/p?token=***&a=1"),
        ("http://h/p?a=1;API-Key=abc", "http://h/p?a=1;API-Key=***"),
        ("https://user:pw@h/p", "https://user:**@h/p"),
        ("/p#access_token=abc", "/p#access_token=***"),
        ("/p?card=4111+1111+1111+1111", "/p?card=****+****+****+****"),
        ("/p?note=token", "/p?note=token"),
        ("/p?%74oken=x", "/p?%74oken=*"),
    ],
)
def test_a_url_loses_its_secrets(url: str, expected: str) -> None:
    assert redactor.redact_value(url) == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Authorization", "Bearer abc", "Bearer ***"),
        ("authorization", "Basic YTpi", "Basic ****"),
        ("Authorization", "abc def", "*******"),
        ("Proxy-Authorization", "Bearer abc", "Bearer ***"),
        ("Cookie", "a=b; session=c=d", "a=*; session=***"),
        ("Cookie", "naked", "*****"),
        ("Set-Cookie", "s=abc; Path=/; HttpOnly", "s=***; Path=/; HttpOnly"),
        ("X-App-Token", "abc", "***"),
        ("X-Client-Token", "abc", "***"),
        ("X-Api-Key", "abc", "***"),
        ("X-Auth-Token", "abc", "***"),
        ("X-CSRF-Token", "abc", "***"),
        ("X-Stripe-Secret-Key", "abc", "***"),
        ("Referer", "https://h/?token=abc", "https://h/?token=***"),
        ("Location", "/next?password=abc", "/next?password=***"),
        ("Content-Type", "text/plain; a=b", "text/plain; a=b"),
        ("X-Request-Id", "abc", "abc"),
    ],
)
def test_a_header_loses_its_secret(name: str, value: str, expected: str) -> None:
    assert redactor.redact_headers([(name, value)]) == [[name, expected]]


def test_more_secrets_by_configuration() -> None:
    own = redactor.also(
        fields=["voucher_pin"],
        headers=["X-Legacy"],
        patterns=[re.compile("VIP-[0-9]+"), re.compile("id:([a-z]+)")],
    )

    assert own.redact_text('{"voucherPin":"1","a":"VIP-12 id:abc"}') == (
        '{"voucherPin":"*","a":"****** id:***"}'
    )
    assert own.redact_headers([("x-legacy", "abc")]) == [["x-legacy", "***"]]
    assert own.redact_text('{"password":"x"}') == '{"password":"*"}'


def test_off_leaves_headers_and_urls_as_they_are() -> None:
    off = Redactor.off()

    assert off.redact_headers([("Cookie", "a=b")]) == [["Cookie", "a=b"]]
    assert off.redact_value("/?token=x") == "/?token=x"
