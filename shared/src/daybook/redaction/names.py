"""Which names of fields and headers hold secrets."""

import re
from collections.abc import Iterable
from typing import Final

# Matched whole, once case, "-", "_", "." and spaces are gone.
FIELDS: Final = frozenset(
    {
        *("token", "access_token", "refresh_token", "id_token", "auth_token"),
        *("authentication_token", "bearer_token", "session_token", "csrf_token"),
        *("xsrf_token", "csrf", "csrfmiddlewaretoken", "authenticity_token"),
        *("app_token", "client_token", "device_token", "personal_access_token"),
        *("private_token", "security_token", "reset_token", "verification_token"),
        *("invite_token", "service_token", "user_token", "bot_token", "oauth_token"),
        *("x_app_token", "x_client_token", "x_auth_token", "x_access_token"),
        *("jwt", "authorization", "proxy_authorization", "cookie", "set_cookie"),
        *("session_id", "sid", "bearer", "otp", "one_time_password", "passcode"),
        *("pwd", "passphrase", "password_confirmation", "password_confirm"),
        *("password_repeat", "confirmed_password", "passwords", "secrets"),
        *("client_assertion", "code_verifier", "credentials", "signing_key"),
        *("encryption_key", "private_key_id", "ssh_key", "aws_secret_access_key"),
        *("secret_access_key", "connection_string", "api_keys", "x_api_key"),
        *("card_number", "cardnumber", "cc_number", "credit_card", "creditcard"),
        *("credit_card_number", "card_no", "cvv", "cvv2", "cvc", "cvc2", "csc"),
        *("card_cvv", "card_cvc", "security_code", "card_security_code"),
    }
)
# A name that ends like this is secret too: newPassword, stripe_secret_key.
FIELD_ENDINGS: Final = frozenset(
    {
        *("password", "passwd", "passphrase", "secret", "secret_key", "api_key"),
        *("private_key", "access_token", "refresh_token", "auth_token"),
    }
)
HEADERS: Final = frozenset(
    {
        *("authorization", "proxy-authorization", "cookie", "set-cookie", "cookie2"),
        *("x-app-token", "x-client-token", "x-api-key", "x-auth-token", "api-key"),
        *("x-csrf-token", "x-xsrf-token", "x-csrftoken", "x-session-id", "apikey"),
        *("authentication", "x-authorization", "x-forwarded-authorization"),
        *("x-amz-security-token", "x-goog-api-key", "x-functions-key", "dpop"),
        *("ocp-apim-subscription-key", "x-original-authorization"),
    }
)
HEADER_ENDINGS: Final = frozenset(
    {"token", "secret", "password", "api-key", "secret-key", "access-key", "auth-key"}
)

_IGNORED = str.maketrans("", "", "-_. ")
_PARTS = re.compile(r"[\[\].:/$]+")
# Bounds the memory of remembered names: a client can send any number of them.
_REMEMBERED = 4096


def collapse(name: str) -> str:
    """``apiKey``, ``API-KEY`` and ``api_key`` are one name."""
    return name.casefold().translate(_IGNORED)


class NameMatcher:
    """Says whether a name holds a secret; remembers what it was asked."""

    def __init__(self, names: Iterable[str], endings: Iterable[str]) -> None:
        self._names = frozenset(collapse(name) for name in names)
        self._endings = tuple(sorted({collapse(ending) for ending in endings}))
        self._known: dict[str, bool] = {}

    def __call__(self, name: str) -> bool:
        """``name`` as it stands; of ``user[password]`` the last part decides."""
        known = self._known.get(name)
        if known is None:
            known = self._judge(name)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[name] = known
        return known

    def _judge(self, name: str) -> bool:
        parts = [part for part in _PARTS.split(name) if part and not part.isdigit()]
        return any(self._is_secret(collapse(part)) for part in (name, *parts[-1:]))

    def _is_secret(self, name: str) -> bool:
        # password1 and password2 are the two fields of many a sign-up form.
        for spelling in {name, name.rstrip("0123456789")}:
            if spelling in self._names or spelling.endswith(self._endings):
                return bool(spelling)
        return False
