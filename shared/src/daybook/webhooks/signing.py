"""Signatures by Standard Webhooks 1.0: ``v1`` (HMAC-SHA256) and ``v1a`` (Ed25519).

A secret's prefix tells its kind: ``whsec_`` is shared with the receiver, ``whsk_`` is a
private key, whose ``whpk_`` the receiver verifies with.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

RandomBytes = Callable[[int], bytes]

_SHARED: Final = "whsec_"
_PRIVATE: Final = "whsk_"
_PUBLIC: Final = "whpk_"
_SHARED_BYTES: Final = 32
_SHORTEST, _LONGEST = 24, 64  # bytes of a shared secret, by the specification
_SEED_BYTES: Final = 32  # of a private key; its public key may follow it


class SignatureKind(StrEnum):
    """How an endpoint's requests are signed."""

    V1 = "v1"
    V1A = "v1a"


class MalformedSecret(ValueError):
    """The secret is no whsec_ or whsk_ key."""


def new_secret(
    kind: SignatureKind, random_bytes: RandomBytes = secrets.token_bytes
) -> str:
    """A secret that was never used: ``whsec_…`` for ``v1``, ``whsk_…`` for ``v1a``."""
    if kind is SignatureKind.V1:
        return _SHARED + _encode(random_bytes(_SHARED_BYTES))
    seed = random_bytes(_SEED_BYTES)
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return _PRIVATE + _encode(seed + public.public_bytes_raw())


def public_key(secret: str) -> str | None:
    """What the receiver of a ``v1a`` endpoint verifies with, ``whpk_…``; else None."""
    if not secret.startswith(_PRIVATE):
        return None
    return _PUBLIC + _encode(_private_key(secret).public_key().public_bytes_raw())


def sign(keys: Sequence[str], identity: str, timestamp: int, body: bytes) -> str:
    """The value of ``webhook-signature``: one signature a secret, in their order.

    ``timestamp`` is the attempt's, in seconds since 1970. In a rotation both secrets
    are given, and the receiver verifies with whichever it has.
    """
    signed = b"%b.%d.%b" % (identity.encode(), timestamp, body)
    return " ".join(_signature(secret, signed) for secret in keys)


def _signature(secret: str, signed: bytes) -> str:
    if secret.startswith(_PRIVATE):
        return f"v1a,{_encode(_private_key(secret).sign(signed))}"
    digest = hmac.digest(_shared_key(secret), signed, hashlib.sha256)
    return f"v1,{_encode(digest)}"


# Making a key object costs more than a signature; bounded, since keys are many.
@lru_cache(maxsize=1024)
def _private_key(secret: str) -> Ed25519PrivateKey:
    raw = _decode(secret.removeprefix(_PRIVATE))
    if len(raw) not in (_SEED_BYTES, 2 * _SEED_BYTES):
        raise MalformedSecret("a whsk_ key is 32 or 64 bytes in base64")
    key = Ed25519PrivateKey.from_private_bytes(raw[:_SEED_BYTES])
    if raw[_SEED_BYTES:] not in (b"", key.public_key().public_bytes_raw()):
        raise MalformedSecret("the two halves of the whsk_ key do not belong together")
    return key


def _shared_key(secret: str) -> bytes:
    if not secret.startswith(_SHARED):
        raise MalformedSecret("a secret starts with whsec_ or whsk_")
    raw = _decode(secret.removeprefix(_SHARED))
    if not _SHORTEST <= len(raw) <= _LONGEST:
        raise MalformedSecret("a whsec_ secret is 24 to 64 bytes in base64")
    return raw


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise MalformedSecret("the secret is not base64") from None
