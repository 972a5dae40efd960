"""Signed-in browsers: the session's cookie and the tokens of its forms."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from starlette.responses import Response

from query.auth import Authenticator, Caller, Unauthorized
from query.keys import Randomness
from query.signing import Signer

SESSION_COOKIE = "daybook_session"
# Ties the sign-in form to the browser that it was sent to.
FORM_COOKIE = "daybook_form"
_FORM_LIFETIME = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in; ``nonce`` differs with each sign-in."""

    caller: Caller
    nonce: str


class Sessions:
    """Begins, reads and ends sessions. They live in their cookies alone.

    A session is as good as its key: revoked, it ends. A new secret ends all.
    """

    def __init__(
        self,
        signer: Signer,
        authenticator: Authenticator,
        randomness: Randomness,
        *,
        lifetime: timedelta,
        secure: bool,
    ) -> None:
        self._signer = signer
        self._authenticator = authenticator
        self._randomness = randomness
        self._lifetime = lifetime
        self._secure = secure

    async def read(self, cookies: Mapping[str, str]) -> Session | None:
        """The session that the cookies prove, if its key still lives."""
        claims = self._signer.read("session", cookies.get(SESSION_COOKIE, ""))
        if claims is None:
            return None
        try:
            caller = await self._authenticator.by_id(claims["k"], claims["p"])
        except Unauthorized:
            return None
        return Session(caller, claims["n"])

    async def by_link(self, token: str) -> Caller | None:
        """Whom a sign-in link was made for, if it is good and its key lives."""
        claims = self._signer.read("sign-in-link", token)
        if claims is None:
            return None
        try:
            return await self._authenticator.by_id(claims["k"], claims["p"])
        except Unauthorized:
            return None

    def begin(self, caller: Caller, response: Response) -> None:
        """Sign the browser that gets this response in."""
        claims = {
            "k": caller.key_id,
            "p": caller.project_id,
            "n": self._randomness(16).hex(),
        }
        token = self._signer.sign("session", claims, self._lifetime)
        self._set(response, SESSION_COOKIE, token, self._lifetime)
        response.delete_cookie(FORM_COOKIE)

    def end(self, response: Response) -> None:
        response.delete_cookie(SESSION_COOKIE)

    def form_nonce(self, cookies: Mapping[str, str], response: Response) -> str:
        """The nonce of this browser's sign-in form; made and set where it has none."""
        nonce = cookies.get(FORM_COOKIE) or self._randomness(16).hex()
        self._set(response, FORM_COOKIE, nonce, _FORM_LIFETIME)
        return nonce

    def form_token(self, nonce: str) -> str:
        """What a form carries to prove that our own page sent it."""
        return self._signer.sign("form", {"n": nonce}, _FORM_LIFETIME)

    def form_is_ours(self, token: str, nonce: str) -> bool:
        claims = self._signer.read("form", token)
        return bool(nonce) and (
            claims is not None
            and hmac.compare_digest(claims["n"].encode(), nonce.encode())
        )

    def _set(
        self, response: Response, name: str, value: str, lifetime: timedelta
    ) -> None:
        response.set_cookie(
            name,
            value,
            max_age=int(lifetime.total_seconds()),
            httponly=True,
            secure=self._secure,
            samesite="lax",
        )
