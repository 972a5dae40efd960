"""What the log says of a body: cut, decoded, encoded, withheld."""

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import cramjam
import pytest
from daybook.events.request import HttpMessage
from daybook.integrations.bodies import BodyTap, describe
from daybook.redaction import Redactor
from hypothesis import given
from hypothesis import strategies as st

LIMIT = 1000
_brotli: Any = cramjam.brotli
_zstd: Any = cramjam.zstd


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def brotli(data: bytes) -> bytes:
    return bytes(_brotli.compress(data))


def zstd(data: bytes) -> bytes:
    return bytes(_zstd.compress(data))


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "DEFLATE ": raw_deflate,
    "br": brotli,
    "zstd": zstd,
}


def described(
    body: bytes,
    *,
    limit: int = LIMIT,
    complete: bool = True,
    chunk: int = 100,
    declared_size: int | None = None,
    redactor: Redactor | None = None,
    **headers: str,
) -> HttpMessage:
    tap = BodyTap(limit)
    for start in range(0, len(body), chunk):
        tap.add(body[start : start + chunk])
    tap.complete = complete
    return describe(
        tap,
        [(name.replace("_", "-"), value) for name, value in headers.items()],
        limit=limit,
        redactor=redactor or Redactor(),
        declared_size=declared_size,
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"n":123456789012345678901234567890,"n":1.00,"a":1e5}',
        '{"lone":"\\ud800","b":1',
        "👩‍👩‍👧 שלום עולם",
        "\ufeffbom\x00nul\r\n",
    ],
)
def test_a_text_is_kept_byte_for_byte(text: str) -> None:
    message = described(text.encode(), content_type="application/json")

    assert message.body == text
    assert message.body_encoding == "utf-8"
    assert message.body_size == len(text.encode())
    assert message.truncated is False


def test_bytes_that_are_no_text_are_base64_and_say_so() -> None:
    body = bytes(range(256))

    message = described(body, content_type="image/png")

    assert base64.b64decode(message.body or "") == body
    assert message.body_encoding == "base64"


def test_an_empty_body_is_null_with_size_zero() -> None:
    message = described(b"")

    assert (message.body, message.body_size, message.truncated) == (None, 0, False)


def test_a_body_that_never_passed_has_its_declared_size() -> None:
    message = described(b"", complete=False, declared_size=500)

    assert (message.body, message.body_size, message.truncated) == (None, 500, True)


def test_of_a_body_that_never_passed_nor_declared_its_size_nothing_is_known() -> None:
    message = described(b"", complete=False)

    assert (message.body, message.body_size, message.truncated) == (None, None, None)


@given(st.text(min_size=1), st.integers(1, 40), st.integers(1, 7))
def test_a_long_text_is_cut_between_characters(
    text: str, limit: int, chunk: int
) -> None:
    body = (text * 200).encode()

    message = described(body, limit=limit, chunk=chunk, redactor=Redactor.off())

    kept = (message.body or "").encode()
    assert body.startswith(kept)
    assert limit - 3 <= len(kept) <= limit
    assert message.truncated is True
    assert message.body_size == len(body)
    assert message.body_encoding == "utf-8"


def test_long_bytes_are_cut_at_the_limit() -> None:
    message = described(b"\xff" * 5000)

    assert base64.b64decode(message.body or "") == b"\xff" * LIMIT
    assert (message.truncated, message.body_size) == (True, 5000)


@given(st.integers(0, 60), st.sampled_from(["password", "n"]))
def test_no_secret_shows_where_the_limit_cuts_it(limit: int, name: str) -> None:
    body = b'{"%s":"4111 1111 1111 1111 hunter2","x":"' % name.encode() + b"y" * 200

    message = described(body, limit=limit)

    assert "1111" not in (message.body or "")
    assert name == "n" or "hunt" not in (message.body or "")


@pytest.mark.parametrize("encoding", PACKERS)
def test_content_encoding_is_undone_before_redaction(encoding: str) -> None:
    packed = PACKERS[encoding](b'{"password":"hunter2","n":1.00}')

    message = described(packed, content_encoding=encoding)

    assert message.body == '{"password":"*******","n":1.00}'
    assert message.body_size == len(packed)
    assert message.truncated is False


def test_stacked_encodings_are_undone_in_their_order() -> None:
    packed = PACKERS["br"](gzip.compress(b"hello"))

    assert described(packed, content_encoding="gzip, identity, br").body == "hello"


@pytest.mark.parametrize("encoding", PACKERS)
def test_a_bomb_is_decoded_no_further_than_the_limit(encoding: str) -> None:
    packed = PACKERS[encoding](b"x" * 20_000_000)

    message = described(packed, limit=200_000, content_encoding=encoding)

    assert message.body == "x" * 200_000
    assert message.truncated is True


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "DEFLATE ", "br"])
def test_of_a_cut_off_compressed_body_what_came_is_shown(encoding: str) -> None:
    text = json.dumps([{"password": f"hunter{n}", "n": n * n} for n in range(3000)])
    packed = PACKERS[encoding](text.encode())

    half = packed[: len(packed) // 2]

    message = described(half, limit=60_000, complete=False, content_encoding=encoding)

    assert message.body
    assert message.body.startswith('[{"password": "*******", "n": 0}')
    assert "hunter" not in message.body
    assert message.truncated is True


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "compress"])
def test_what_cannot_be_decoded_is_withheld_and_says_so(encoding: str) -> None:
    message = described(b'{"password":"hunter2"}', content_encoding=encoding)

    assert message.body == (
        f"[withheld: content-encoding {encoding} could not be decoded]"
    )
    assert message.body_encoding is None


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_a_whole_body_whose_compression_breaks_off_is_withheld(encoding: str) -> None:
    packed = PACKERS[encoding](bytes(range(256)))[:-5]

    assert "withheld" in (described(packed, content_encoding=encoding).body or "")


def test_several_gzip_members_are_one_body() -> None:
    packed = gzip.compress(b"ab") + gzip.compress(b"cd")

    assert described(packed, content_encoding="gzip").body == "abcd"


@pytest.mark.parametrize("codec", ["latin-1", "utf-16", "utf-16-le", "utf-16-be"])
def test_secrets_in_other_charsets_are_found(codec: str) -> None:
    text = '{"name":"é","password":"hunter2"}'

    message = described(text.encode(codec))

    shown = (message.body or "").encode()
    if message.body_encoding == "base64":
        shown = base64.b64decode(shown)
    assert shown == text.replace("hunter2", "*******").encode(codec)
