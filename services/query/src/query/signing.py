"""Signed, expiring statements: sessions, sign-in links, form tokens."""

from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any, Literal, cast

from daybook.runtime.clock import Clock
from itsdangerous import BadSignature, URLSafeSerializer

# Each purpose has a key of its own: a link is no session, and a form token neither.
Purpose = Literal["session", "sign-in-link", "form", "export"]

SIGN_IN_LINK_LIFETIME = timedelta(days=30)


class Signer:
    """Signs short texts with one secret; another secret makes them all void."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self._secret = secret
        self._clock = clock

    def sign(
        self, purpose: Purpose, claims: Mapping[str, str], valid_for: timedelta
    ) -> str:
        """A token of ASCII letters, digits, ``-``, ``_`` and ``.``."""
        expires = int((self._clock() + valid_for).timestamp())
        return self._serializer(purpose).dumps({"c": dict(claims), "x": expires})

    def read(self, purpose: Purpose, token: str) -> dict[str, str] | None:
        """What was signed, or None when it is expired, damaged or someone else's."""
        try:
            loaded = cast("dict[str, Any]", self._serializer(purpose).loads(token))
        except BadSignature:
            return None
        # Past the signature its shape is ours.
        if loaded["x"] <= self._clock().timestamp():
            return None
        return cast("dict[str, str]", loaded["c"])

    def _serializer(self, purpose: Purpose) -> URLSafeSerializer:
        return URLSafeSerializer(
            self._secret,
            salt=f"daybook.{purpose}",
            signer_kwargs={"key_derivation": "hmac", "digest_method": sha256},
        )


def sign_in_link(signer: Signer, base_url: str, *, key_id: str, project_id: str) -> str:
    """An address that signs in whoever opens it, as long as the key lives."""
    token = signer.sign(
        "sign-in-link", {"k": key_id, "p": project_id}, SIGN_IN_LINK_LIFETIME
    )
    return f"{base_url.rstrip('/')}/sign-in?token={token}"
