"""Signed addresses of files: whoever has one gets that file, until it expires."""

from datetime import timedelta
from urllib.parse import quote, urlencode

from daybook.runtime.clock import Clock
from daybook.runtime.mongo import Document

from query.signing import Signer

TOKEN, EXPIRES = "token", "expires"


class Links:
    """Makes addresses under ``base_url``, and reads their tokens."""

    def __init__(self, signer: Signer, clock: Clock, lifetime: timedelta) -> None:
        self._signer = signer
        self._clock = clock
        self._lifetime = lifetime

    def of(self, export: Document, base_url: str) -> str:
        """Where the file is for as long as links live."""
        expires = str(int((self._clock() + self._lifetime).timestamp()))
        claims = {"p": export["project_id"], "e": export["id"], "x": expires}
        token = self._signer.sign("export", claims, self._lifetime)
        query = urlencode({TOKEN: token, EXPIRES: expires})
        path = f"/v1/exports/{quote(export['id'], safe='')}"
        return f"{base_url.rstrip('/')}{path}?{query}"

    def project_of(self, token: str, expires: str | None, export_id: str) -> str | None:
        """The project whose export the token opens; None: it does not open this one.

        The token holds all; ``expires`` may be left out, and must be the token's.
        """
        claims = self._signer.read("export", token)
        if claims is None or claims["e"] != export_id:
            return None
        return claims["p"] if expires in (None, claims["x"]) else None
