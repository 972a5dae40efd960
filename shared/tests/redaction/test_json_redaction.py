"""JSON bodies: the secret's characters change and nothing else."""

import json
import time

import pytest
from daybook.redaction import Redactor

redact = Redactor().redact_text


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "PASSWORD",
        "newPassword",
        "password2",
        "passwd",
        "secret",
        "client-secret",
        "token",
        "api_key",
        "apiKey",
        "API-KEY",
        "accessToken",
        "refresh_token",
        "authorization",
        "private_key",
        "cardNumber",
        "cvv",
        "X-App-Token",
        "user[password]",
        "user.token",
        r"pass\u0077ord",
        r"\u0070\u0061\u0073\u0073word",
    ],
)
def test_a_secret_field_is_known_however_it_is_spelled(name: str) -> None:
    text = f'{{"{name}": "hunter2", "kept": "hunter2"}}'

    assert redact(text) == f'{{"{name}": "*******", "kept": "hunter2"}}'


@pytest.mark.parametrize(
    "name",
    ["next_page_token", "total_tokens", "token_type", "secretary", "passwordless"],
)
def test_a_name_that_only_resembles_a_secret_is_left(name: str) -> None:
    text = f'{{"{name}": "abc"}}'

    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"token":12345678901234567890}', '{"token":00000000000000000000}'),
        ('{"token":-1.5e+7 }', '{"token":-0.0e+0 }'),
        ('{"token":true,"secret":null}', '{"token":true,"secret":null}'),
        ('{"token":""}', '{"token":""}'),
        (r'{"token":"a\"b\\","x":"y"}', r'{"token":"******","x":"y"}'),
        ('{"token":"a\nb"}', '{"token":"***"}'),
        ('{"token":"😀é"}', '{"token":"**"}'),
        (
            '{"secret": {"a": [1, "x", true, {"b": "c"}]}, "z": 1}',
            '{"secret": {"a": [0, "*", true, {"b": "*"}]}, "z": 1}',
        ),
        ('{"token"\n\t:\r\n"abc"}', '{"token"\n\t:\r\n"***"}'),
        ('{"token":"a"}\n{"token":"b"}\n', '{"token":"*"}\n{"token":"*"}\n'),
    ],
)
def test_only_the_secrets_own_characters_change(text: str, expected: str) -> None:
    assert redact(text) == expected


def test_spelling_of_all_else_stays() -> None:
    text = (
        '{ "b":1.00,"a":1e5,"n":123456789012345678901234567890,"a":2,\t"s":"\\ud800",'
        '"e":"\\u00e9\\/","rtl":"שלום","emoji":"👩‍👩‍👧","password":"x" }\r\n'
    )

    assert redact(text) == text.replace('"x"', '"*"')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"password": "hunt', '{"password": "****'),
        ('{"password": "hunt\\', '{"password": "*****'),
        ('{"password": 123', '{"password": 000'),
        ('{"password": tru', '{"password": tru'),
        ('{"secret": {"a": "b", "c": "d', '{"secret": {"a": "*", "c": "*'),
        ('{"secret": ["a", 1, "b', '{"secret": ["*", 0, "*'),
        ('{"password": "x",}', '{"password": "*",}'),
        ('{"password": hunter2}', '{"password": *******}'),
        ('{"password": hunter 2, "a": 1}', '{"password": ********, "a": 1}'),
        ('{"a": "b"c", "password": "x"}', '{"a": "b"c", "password": "*"}'),
        ('{"a": "b, "password": "x"}', '{"a": "b, "password": "*"}'),
        ("{'password': 'x', 'a': 'b'}", "{'password': '*', 'a': 'b'}"),
        ('{password: "x", a: 1}', '{password: "*", a: 1}'),
        ("{a: 1, password: x}", "{a: 1, password: *}"),
        ('{"a": NaN, "password": "x"}', '{"a": NaN, "password": "*"}'),
        ('garbage "password": "x" garbage', 'garbage "password": "*" garbage'),
        ('"password": "x"', '"password": "*"'),
    ],
)
def test_invalid_and_cut_off_json_hides_its_secrets_too(
    text: str, expected: str
) -> None:
    assert redact(text, cut=True) == expected or redact(text) == expected
    assert "hunter2" not in redact(text)


def test_json_inside_a_string_of_json_is_searched() -> None:
    inner = json.dumps({"password": 'hun"ter2\\', "token": 12, "kept": "x"}, indent=1)
    middle = json.dumps({"secret": {"a": "hunter2"}, "inner": inner})
    text = json.dumps({"payload": middle, "kept": "y"})

    redacted = redact(text)

    outer = json.loads(redacted)
    assert outer["kept"] == "y"
    middle_again = json.loads(outer["payload"])
    assert middle_again["secret"] == {"a": "*******"}
    inner_again = middle_again["inner"]
    assert "ter2" not in redacted
    assert '"kept": "x"' in inner_again
    assert '"token": 00' in inner_again


def test_prose_that_speaks_of_a_password_is_left() -> None:
    text = json.dumps({"message": "user, password: too short", "hint": "token: 'x'"})

    assert redact(text, "application/json") == text


def test_a_secret_is_found_whatever_the_content_type_says() -> None:
    text = '{"password":"x"}'

    for content_type in ("text/plain", "", "application/x-www-form-urlencoded", "a/b"):
        assert redact(text, content_type) == '{"password":"*"}'


def test_a_url_inside_json_loses_its_secrets() -> None:
    text = r'{"next":"https://u:pw@h/?a=1\u0026token=abc&b=2#access_token=q","x":"y"}'

    assert redact(text) == (
        r'{"next":"https://u:**@h/?a=1\u0026token=***&b=2#access_token=*","x":"y"}'
    )


def test_nothing_is_redacted_only_when_asked() -> None:
    text = '{"password":"hunter2","card":"4111111111111111"}'

    assert Redactor.off().redact_text(text) == text


@pytest.mark.parametrize(
    "hostile",
    [
        '"' * 1_000_000,
        "\\" * 999_999 + '"',
        '"\\' * 500_000 + '":',
        '"password":' * 90_000,
        '{"password":"' + '\\"' * 500_000,
        '{"secret":' + "[" * 1_000_000,
        '"password":{"' * 80_000,
        "{'" * 500_000,
        "{a:" * 330_000,
        "?a=" * 330_000,
        "4 " * 500_000,
        "4" * 1_000_000,
        '\\"a":' * 200_000,
        "".join(f'"password{n}":1,' for n in range(50_000)),
    ],
    ids=lambda hostile: str(hostile)[:14],
)
def test_a_megabyte_of_hostile_text_takes_linear_time(hostile: str) -> None:
    began = time.process_time()

    redact(hostile, cut=True)

    # A quadratic scan takes minutes; the bound leaves room for slow machines.
    assert time.process_time() - began < 5
