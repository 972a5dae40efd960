"""Each thing that can go wrong is told by its kind, in words that a person reads."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from daybook.testing.receivers import Answer, Receiver, hang, raw, reply, reset
from webhook_dispatcher.sender import Attempt, Sender, Target

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW = datetime.now(UTC)


async def attempt(sender: Sender, url: str, *, timeout_s: float = 10.0) -> Attempt:
    target = Target(url=url, secrets=[SECRET], timeout_s=timeout_s)
    return await sender.attempt(target, "whs_1", b"{}")


def told(made: Attempt) -> tuple[str, str]:
    assert made.error is not None
    assert not made.sent
    return made.error.kind.value, made.error.message


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("answer", "status", "kind", "words"),
    [
        (reply(500), 500, "status", "answered 500"),
        (reply(404), 404, "status", "answered 404"),
        (reply(410), 410, "status", "answered 410 Gone: endpoint disabled"),
        (
            reply(302, headers={"location": "http://10.0.0.1/"}),
            302,
            "redirect",
            "answered 302 to http://10.0.0.1/: redirects are not followed",
        ),
        (reply(308), 308, "redirect", "answered 308: redirects are not followed"),
    ],
)
async def test_an_answer_that_is_no_2xx_is_told(
    sender: Sender, answer: Answer, status: int, kind: str, words: str
) -> None:
    async with Receiver(answer) as receiver:
        made = await attempt(sender, receiver.url())

    assert made.status_code == status
    assert told(made) == (kind, words)
    assert made.gone is made.final is (status == 410)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (reset, "connection closed before an answer"),
        (raw(b"", close=True), "connection closed before an answer"),
        (raw(b"HTTP/1.1 200", close=True), "connection closed before an answer"),
        (raw(b"HTTP/1.1 200 OK\r\na: b", close=True), "connection closed before"),
        (raw(b"SSH-2.0-OpenSSH_9.6\r\n", close=True), "malformed answer"),
        (raw(b"HTTP/1.1 abc OK\r\n\r\n"), "malformed answer"),
        (raw(b"\x00" * 100), "malformed answer"),
        (raw(b"HTTP/1.1 200 OK\r\n" + b"a" * 100_000), "malformed answer"),
        (raw(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"), "malformed answer"),
    ],
)
async def test_no_answer_or_a_malformed_one_is_told(
    sender: Sender, answer: Answer, words: str
) -> None:
    async with Receiver(answer) as receiver:
        made = await attempt(sender, receiver.url())

    kind, message = told(made)
    assert kind == "protocol"
    assert message.startswith(words)
    assert (made.status_code, made.response_body, made.final) == (None, None, False)


async def test_no_status_line_in_time_is_told(sender: Sender) -> None:
    async with Receiver(hang) as receiver:
        made = await attempt(sender, receiver.url(), timeout_s=0.3)

    assert told(made) == ("timeout", "took longer than 0.3 s")
    assert 300 <= made.duration_ms < 2000


async def test_a_refused_connection_is_told(sender: Sender) -> None:
    made = await attempt(sender, f"http://127.0.0.1:{free_port()}/")

    assert told(made) == ("connect", "connection refused")


async def test_a_name_that_is_not_found_is_told(sender: Sender, names: Any) -> None:
    names.say("empty.example", [])

    for host in ("missing.example", "empty.example"):
        kind, message = told(await attempt(sender, f"http://{host}/"))
        assert kind == "dns"
        assert message.startswith("name not found")


async def test_a_lookup_that_hangs_ends_with_the_timeout(
    new_sender: Callable[..., Sender], names: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forever(_: str) -> list[str]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(names, "addresses", forever)

    made = await attempt(new_sender(), "http://hooks.example/", timeout_s=0.3)

    assert told(made) == ("timeout", "took longer than 0.3 s")
    assert made.duration_ms < 2000


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.2/", "127.0.0.2 is not a public address"),
        ("http://private.example/", "10.0.0.1 is not a public address"),
        ("http://2130706433/", "2130706433 is an unusual spelling of an IP address"),
        ("ftp://example.com/", "the URL has to start with https://"),
        ("https://a:b@example.com/", "the URL must not hold a user name or password"),
        ("https://exa mple.com/", "not a host name|cannot be read|character"),
        ("https://example.com:99999/", "not a port|cannot be read"),
        ("https://[::1/", "not a URL|cannot be read"),
        ("nonsense", "the URL has to start with https://"),
        ("", "the URL has to start with https://"),
    ],
)
async def test_an_address_that_is_not_allowed_is_final(
    sender: Sender, names: Any, url: str, words: str
) -> None:
    names.say("private.example", ["10.0.0.1"])

    made = await attempt(sender, url)

    kind, message = told(made)
    assert kind == "blocked_address"
    assert any(one in message for one in words.split("|")), message
    assert made.final
    assert not made.gone


def self_signed(folder: Path, name: str) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "both.pem").write_bytes(
        key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(pem)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


@pytest.fixture
def bad_tls(
    server_tls: Callable[..., ssl.SSLContext], tmp_path: Path
) -> dict[str, ssl.SSLContext]:
    old = server_tls("hooks.example")
    # An authority's cipher that no modern client offers.
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.set_ciphers("AES128-SHA256:@SECLEVEL=0")
    return {
        "expired": server_tls("hooks.example", expires=NOW - timedelta(days=1)),
        "name": server_tls("other.example"),
        "self-signed": self_signed(tmp_path, "hooks.example"),
        "issuer": server_tls("hooks.example", issuer=trustme.CA()),
        "cipher": old,
    }


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("expired", "certificate expired"),
        ("name", "certificate name does not match"),
        ("self-signed", "certificate is self-signed"),
        ("issuer", "certificate issuer is unknown"),
        ("cipher", "TLS handshake failed"),
    ],
)
async def test_what_is_wrong_with_a_certificate_is_told(
    sender: Sender,
    names: Any,
    bad_tls: dict[str, ssl.SSLContext],
    wrong: str,
    words: str,
) -> None:
    names.say("hooks.example", ["127.0.0.1"])
    async with Receiver(tls=bad_tls[wrong]) as receiver:
        made = await attempt(sender, receiver.url("hooks.example"))

    kind, message = told(made)
    assert (kind, made.final) == ("tls", False)
    assert message.startswith(words)
    assert receiver.requests == []


async def test_a_server_that_speaks_no_tls_is_told(sender: Sender, names: Any) -> None:
    names.say("hooks.example", ["127.0.0.1"])
    async with Receiver(raw(b"HTTP/1.1 400 Bad\r\n\r\n")) as receiver:
        # It waits for the end of a head that never comes: speak first.
        receiver.greeting = b"220 mail.example ESMTP\r\n"
        url = receiver.url("hooks.example").replace("http:", "https:")
        made = await attempt(sender, url)

    assert told(made) == ("tls", "TLS handshake failed: the server does not speak TLS")


async def test_a_server_that_hangs_up_in_the_handshake_is_told(
    sender: Sender, names: Any
) -> None:
    names.say("hooks.example", ["127.0.0.1"])
    async with Receiver() as receiver:
        receiver.hang_up = True
        url = receiver.url("hooks.example").replace("http:", "https:")
        made = await attempt(sender, url)

    kind, message = told(made)
    assert kind == "tls"
    assert message == "TLS handshake failed: the connection was closed"


async def test_a_handshake_that_hangs_ends_with_the_timeout(
    sender: Sender, names: Any
) -> None:
    names.say("hooks.example", ["127.0.0.1"])
    async with Receiver() as receiver:
        url = receiver.url("hooks.example").replace("http:", "https:")
        made = await attempt(sender, url, timeout_s=0.3)

    assert told(made) == ("timeout", "took longer than 0.3 s")
