"""Secrets at rest: sealed with AES-256-GCM under keys that can be rotated."""

import base64
import binascii
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

RandomBytes = Callable[[int], bytes]

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12  # what GCM is made for
_KEY_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")


class SealError(Exception):
    """A sealed secret cannot be opened."""


class UnknownKey(SealError):
    """The secret is sealed with a key that is not configured."""

    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        super().__init__(f"the sealing key {key_id!r} is not configured")


class DamagedSeal(SealError):
    """The sealed secret was changed, or belongs to something else."""


class MalformedKeys(ValueError):
    """The keys are not written ``id:key``, with 32 bytes in base64 as the key."""


class Box:
    """Seals texts with its first key, and opens what any of its keys sealed."""

    def __init__(
        self,
        keys: Mapping[str, bytes],
        random_bytes: RandomBytes = secrets.token_bytes,
    ) -> None:
        """``keys`` by id, the one that seals first; 32 bytes each."""
        if not keys:
            raise MalformedKeys("there is no sealing key")
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._sealing = next(iter(keys))
        self._random_bytes = random_bytes

    def seal(self, text: str, owner: str) -> str:
        """Text for the database. It opens for the same ``owner``, say an endpoint's id.

        So nobody who can write to the database makes one endpoint sign for another.
        """
        nonce = self._random_bytes(_NONCE_BYTES)
        cipher = self._ciphers[self._sealing]
        sealed = nonce + cipher.encrypt(nonce, text.encode(), _bound(owner))
        return f"{self._sealing}:{base64.b64encode(sealed).decode()}"

    def open(self, sealed: str, owner: str) -> str:
        """What was sealed; raises :class:`UnknownKey` and :class:`DamagedSeal`."""
        key_id, _, text = sealed.partition(":")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise UnknownKey(key_id)
        try:
            raw = base64.b64decode(text, validate=True)
            nonce, encrypted = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
            return cipher.decrypt(nonce, encrypted, _bound(owner)).decode()
        except (InvalidTag, binascii.Error, ValueError):
            raise DamagedSeal(f"sealed with {key_id!r} for {owner!r}") from None

    def is_current(self, sealed: str) -> bool:
        """Whether the first key sealed it; else it wants to be sealed anew."""
        return sealed.partition(":")[0] == self._sealing


def keys_from(text: str) -> dict[str, bytes]:
    """Keys as a setting or a file holds them: ``id:base64``, by commas or lines.

    The first one seals. To rotate, put a new one before it; drop the old one once
    nothing is sealed with it any more.
    """
    keys: dict[str, bytes] = {}
    for entry in re.split(r"[,\s]+", text.strip()):
        key_id, _, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not _KEY_ID.fullmatch(key_id) or len(key) != _KEY_BYTES or key_id in keys:
            # Told by its place: what was written may be a key after all.
            raise MalformedKeys(
                f"sealing key {len(keys) + 1} is not ID:KEY, a new id of letters,"
                f" digits, _ and - and {_KEY_BYTES} bytes in base64"
            )
        keys[key_id] = key
    return keys


def new_key(key_id: str, random_bytes: RandomBytes = secrets.token_bytes) -> str:
    """A key that was never used, as :func:`keys_from` reads it."""
    return f"{key_id}:{base64.b64encode(random_bytes(_KEY_BYTES)).decode()}"


def _bound(owner: str) -> bytes:
    return f"daybook.webhooks/{owner}".encode()
