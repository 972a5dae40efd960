"""Who asks: a key in the headers, or the key behind a session."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from daybook.runtime.clock import Stopwatch

from query.keys import ApiKey, PresentedKey, is_key_id, opens, read_key

# A revoked key stops working within this time, on every process.
REMEMBERED_SECONDS = 10.0
# Caps the memory that keys take; the least used goes first.
REMEMBERED_KEYS = 10_000

HOW_TO_AUTHENTICATE = (
    "Send an API key of the project as `Authorization: Bearer KEY`, or as "
    "`X-App-Id: PROJECT` and `X-App-Token: KEY`. "
    "`daybook admin key create --project PROJECT --name NAME` makes one."
)


class Unauthorized(Exception):
    """No valid key was presented."""


class StoredKeys(Protocol):
    async def key(self, key_id: str) -> ApiKey | None: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """A key that was checked, and the project that it opens: that one and no other."""

    key_id: str
    project_id: str


class Authenticator:
    """Checks keys against the stored ones, which it remembers for ten seconds."""

    def __init__(self, keys: StoredKeys, stopwatch: Stopwatch) -> None:
        self._keys = keys
        self._stopwatch = stopwatch
        self._remembered: OrderedDict[str, tuple[float, ApiKey]] = OrderedDict()

    async def by_headers(self, headers: Mapping[str, str]) -> Caller:
        """The caller that a request's headers name; raises :class:`Unauthorized`."""
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return await self.by_key(bearer)
        caller = await self.by_key(headers.get("x-app-token", ""))
        if caller.project_id != headers.get("x-app-id"):
            raise Unauthorized
        return caller

    async def by_key(self, text: str) -> Caller:
        """The caller whose key this text is; raises :class:`Unauthorized`."""
        presented = read_key(text)
        if presented is None:
            raise Unauthorized
        return await self._caller(presented)

    async def _caller(self, presented: PresentedKey) -> Caller:
        stored = await self._stored(presented.id)
        if not opens(presented, stored) or stored is None:
            raise Unauthorized
        return Caller(stored.id, stored.project_id)

    async def by_id(self, key_id: str, project_id: str) -> Caller:
        """The caller that an earlier sign-in named, if the key still lives."""
        stored = await self._stored(key_id) if is_key_id(key_id) else None
        if stored is None or not stored.live or stored.project_id != project_id:
            raise Unauthorized
        return Caller(stored.id, stored.project_id)

    async def _stored(self, key_id: str) -> ApiKey | None:
        now = self._stopwatch()
        known = self._remembered.get(key_id)
        if known is not None and now - known[0] < REMEMBERED_SECONDS:
            self._remembered.move_to_end(key_id)
            return known[1]
        stored = await self._keys.key(key_id)
        # Only what exists is remembered: a key works the moment it is made, and
        # made-up ids take no memory.
        self._remembered.pop(key_id, None)
        if stored is not None:
            self._remembered[key_id] = (now, stored)
            if len(self._remembered) > REMEMBERED_KEYS:
                self._remembered.popitem(last=False)
        return stored
