"""API keys: how they read, and what is kept of them."""

import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

KEY_ID_BYTES = 8
SECRET_BYTES = 32
_KEY_ID = re.compile(r"[0-9a-f]{16}")
_KEY = re.compile(r"dbk_([0-9a-f]{16})_([0-9a-f]{64})")

# So many random bytes, from a source that nobody can guess.
Randomness = Callable[[int], bytes]
system_randomness: Randomness = secrets.token_bytes


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is stored: everything but the secret."""

    id: str
    project_id: str
    name: str
    secret_sha256: bytes
    created_at: datetime
    revoked_at: datetime | None = None

    @property
    def live(self) -> bool:
        return self.revoked_at is None


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """A key as somebody shows it."""

    id: str
    secret: str


def digest(secret: str) -> bytes:
    """What is stored in place of a secret.

    One round of SHA-256 is right here, and a slow password hash would not be: the
    secret is 256 random bits, so there is nothing to guess, and every request pays.
    """
    return sha256(secret.encode("ascii")).digest()


def make_key(
    project_id: str, name: str, *, now: datetime, randomness: Randomness
) -> tuple[ApiKey, str]:
    """A new key, and its text, which is shown once and kept nowhere."""
    key_id = randomness(KEY_ID_BYTES).hex()
    secret = randomness(SECRET_BYTES).hex()
    stored = ApiKey(key_id, project_id, name, digest(secret), now)
    return stored, f"dbk_{key_id}_{secret}"


def read_key(text: str) -> PresentedKey | None:
    """The parts of a key's text, or None when it is no key."""
    match = _KEY.fullmatch(text.strip())
    return None if match is None else PresentedKey(match[1], match[2])


def is_key_id(text: str) -> bool:
    """Whether ``text`` can be a key's id."""
    return _KEY_ID.fullmatch(text) is not None


def opens(presented: PresentedKey, stored: ApiKey | None) -> bool:
    """Whether the presented key is the stored one and still good, in constant time."""
    expected = b"\0" * 32 if stored is None else stored.secret_sha256
    same = hmac.compare_digest(digest(presented.secret), expected)
    return same and stored is not None and stored.live
