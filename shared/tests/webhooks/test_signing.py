"""Signatures: the published vectors, and the libraries that receivers use."""

import base64
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import standardwebhooks
import svix.webhooks
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from daybook.webhooks.signing import (
    MalformedSecret,
    SignatureKind,
    new_secret,
    public_key,
    sign,
)

# Published with the specification and its libraries.
IDENTITY = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIMESTAMP = 1614265330
BODY = b'{"test": 2432232314}'
SHARED = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SHARED_SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
PRIVATE = (
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dR"
    "qSKJp4AJ6p9lMicMFs6Kvg=="
)
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
PRIVATE_SIGNATURE = (
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZ"
    "dpXwVLPo3mNl8EM+m7TBAg=="
)

BODIES = [
    b"{}",
    BODY,
    '{"name":"Zoë 🎟","price":1.00,"big":123456789012345678901234567890}'.encode(),
    b'{"a":1,"a":2}',
    b"x" * 100_000,
]


def headers(keys: list[str], body: bytes) -> dict[str, str]:
    now = int(time.time())
    return {
        "webhook-id": "whs_1",
        "webhook-timestamp": str(now),
        "webhook-signature": sign(keys, "whs_1", now, body),
    }


def verify_v1(library: Any, secret: str, body: bytes, sent: dict[str, str]) -> None:
    if library is standardwebhooks.Webhook:
        library(secret).verify(body, sent, json_parse=False)
    else:
        library(secret).verify(body, sent)


def verify_v1a(public: str, body: bytes, sent: dict[str, str]) -> None:
    """As a receiver would, with nothing of ours."""
    key = Ed25519PublicKey.from_public_bytes(
        base64.b64decode(public.removeprefix("whpk_"))
    )
    signed = f"{sent['webhook-id']}.{sent['webhook-timestamp']}.".encode() + body
    for signature in sent["webhook-signature"].split(" "):
        version, encoded = signature.split(",")
        if version == "v1a":
            try:
                return key.verify(base64.b64decode(encoded), signed)
            except InvalidSignature:
                continue
    raise InvalidSignature


def test_the_published_shared_secret_signs_as_published() -> None:
    assert sign([SHARED], IDENTITY, TIMESTAMP, BODY) == SHARED_SIGNATURE


def test_the_published_private_key_signs_as_published() -> None:
    assert sign([PRIVATE], IDENTITY, TIMESTAMP, BODY) == PRIVATE_SIGNATURE
    assert public_key(PRIVATE) == PUBLIC


def test_a_private_key_may_come_without_its_public_half() -> None:
    seed = base64.b64decode(PRIVATE.removeprefix("whsk_"))[:32]
    short = "whsk_" + base64.b64encode(seed).decode()

    assert sign([short], IDENTITY, TIMESTAMP, BODY) == PRIVATE_SIGNATURE
    assert public_key(short) == PUBLIC


def test_we_sign_as_the_library_does() -> None:
    at = datetime.fromtimestamp(TIMESTAMP, UTC)
    secret = new_secret(SignatureKind.V1)

    theirs = standardwebhooks.Webhook(secret).sign(IDENTITY, at, BODY.decode())

    assert sign([secret], IDENTITY, TIMESTAMP, BODY) == theirs


@pytest.mark.parametrize("library", [standardwebhooks.Webhook, svix.webhooks.Webhook])
@pytest.mark.parametrize("body", BODIES)
def test_receivers_verify_before_during_and_after_a_rotation(
    library: Any, body: bytes
) -> None:
    old, new = new_secret(SignatureKind.V1), new_secret(SignatureKind.V1)
    before, during, after = (
        headers([old], body),
        headers([new, old], body),
        headers([new], body),
    )

    verify_v1(library, old, body, before)
    verify_v1(library, old, body, during)
    verify_v1(library, new, body, during)
    verify_v1(library, new, body, after)

    with pytest.raises(standardwebhooks.WebhookVerificationError):
        verify_v1(library, new, body, before)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        verify_v1(library, old, body, after)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        verify_v1(library, new, body + b" ", after)


@pytest.mark.parametrize("body", BODIES)
def test_public_keys_verify_before_during_and_after_a_rotation(body: bytes) -> None:
    old, new = new_secret(SignatureKind.V1A), new_secret(SignatureKind.V1A)
    old_public, new_public = public_key(old) or "", public_key(new) or ""

    verify_v1a(old_public, body, headers([old], body))
    verify_v1a(old_public, body, headers([new, old], body))
    verify_v1a(new_public, body, headers([new, old], body))

    with pytest.raises(InvalidSignature):
        verify_v1a(old_public, body, headers([new], body))


def test_a_rotation_may_change_the_kind_of_signature() -> None:
    shared, private = new_secret(SignatureKind.V1), new_secret(SignatureKind.V1A)

    sent = headers([private, shared], BODY)

    verify_v1(standardwebhooks.Webhook, shared, BODY, sent)
    verify_v1a(public_key(private) or "", BODY, sent)


def test_bytes_are_signed_as_they_are() -> None:
    body = b"\xff\xfe not text"

    assert sign([SHARED], IDENTITY, TIMESTAMP, body).startswith("v1,")


def test_randomness_is_an_argument() -> None:
    def zeros(size: int) -> bytes:
        return bytes(size)

    assert new_secret(SignatureKind.V1, zeros) == "whsec_" + "A" * 43 + "="
    assert new_secret(SignatureKind.V1A, zeros).startswith("whsk_" + "A" * 42)
    assert new_secret(SignatureKind.V1) != new_secret(SignatureKind.V1)


def test_a_shared_secret_has_no_public_key() -> None:
    assert public_key(SHARED) is None


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "secret",
        "whpk_" + "A" * 43 + "=",
        "whsec_",
        "whsec_!!!",
        "whsec_" + base64.b64encode(bytes(8)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
        "whsk_" + base64.b64encode(bytes(31)).decode(),
        "whsk_" + base64.b64encode(bytes(64)).decode(),  # halves of two keys
    ],
)
def test_a_malformed_secret_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(MalformedSecret) as caught:
        sign([secret], IDENTITY, TIMESTAMP, json.dumps({}).encode())

    assert len(secret) < 10 or secret not in str(caught.value)
