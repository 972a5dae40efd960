"""What came back, in the words that a person reads."""

import errno
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

import httpx

from webhook_dispatcher.resolving import BlockedAddress, NameNotFound

GONE: Final = 410

_LONGEST_SHOWN: Final = 500  # characters of somebody else's text
# X.509 verification results, as OpenSSL numbers them.
_CERTIFICATE: Final = {
    9: "certificate is not valid yet",
    10: "certificate expired",
    18: "certificate is self-signed",
    19: "certificate issuer is unknown",
    20: "certificate issuer is unknown",
    21: "certificate issuer is unknown",
    23: "certificate was revoked",
    62: "certificate name does not match",
    64: "certificate name does not match",
}
_HANDSHAKE: Final = {
    "WRONG_VERSION_NUMBER": "the server does not speak TLS",
    "HTTP_REQUEST": "the server does not speak TLS",
    "UNEXPECTED_EOF_WHILE_READING": "the connection was closed",
}
_CONNECT: Final = {
    errno.ECONNREFUSED: "connection refused",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ENETUNREACH: "network unreachable",
    errno.EADDRNOTAVAIL: "network unreachable",
    errno.ETIMEDOUT: "host does not answer",
    errno.ECONNRESET: "connection reset",
}
_SECONDS: Final = re.compile(r"[0-9]{1,10}")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]+")


class ErrorKind(StrEnum):
    """Why an attempt failed, as programs read it."""

    BLOCKED_ADDRESS = "blocked_address"
    CONNECT = "connect"
    DNS = "dns"
    PROTOCOL = "protocol"
    REDIRECT = "redirect"
    STATUS = "status"
    TIMEOUT = "timeout"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed: for programs, and for people."""

    kind: ErrorKind
    message: str


def of_status(status: int, location: str | None = None) -> Failure | None:
    """What is wrong with an answer that has this status; None for a 2xx."""
    if 200 <= status < 300:
        return None
    if status == GONE:
        return Failure(ErrorKind.STATUS, "answered 410 Gone: endpoint disabled")
    if 300 <= status < 400:
        to = f" to {_shown(location)}" if location else ""
        return Failure(
            ErrorKind.REDIRECT, f"answered {status}{to}: redirects are not followed"
        )
    return Failure(ErrorKind.STATUS, f"answered {status}")


def of_timeout(timeout_s: float) -> Failure:
    """No status line in time."""
    return Failure(ErrorKind.TIMEOUT, f"took longer than {timeout_s:g} s")


def of_error(error: httpx.TransportError) -> Failure:
    """What is wrong where there was no answer, by the causes of the error."""
    # The innermost first: what aiohttp wraps a TLS error in only looks like one.
    for cause in reversed(list(_causes(error))):
        match cause:
            case BlockedAddress():
                return Failure(ErrorKind.BLOCKED_ADDRESS, str(cause))
            case NameNotFound():
                return Failure(ErrorKind.DNS, str(cause))
            case ssl.SSLCertVerificationError():
                return Failure(ErrorKind.TLS, _certificate(cause))
            case ssl.SSLError():
                return Failure(ErrorKind.TLS, _handshake(cause))
            case _:
                pass
    if isinstance(error, httpx.ConnectError):
        return _connect(error)
    if isinstance(error, httpx.RemoteProtocolError):
        return Failure(ErrorKind.PROTOCOL, "malformed answer")
    return Failure(ErrorKind.PROTOCOL, "connection closed before an answer")


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Seconds that a ``Retry-After`` asks to wait, 0 for a time gone by.

    Takes seconds and HTTP dates; None where it is neither.
    """
    if value is None:
        return None
    text = value.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None  # what its parser makes of somebody else's text
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _connect(error: httpx.ConnectError) -> Failure:
    causes = list(_causes(error))
    # A peer that hangs up while keys are agreed on was reached all the same.
    if error.request.url.scheme == "https" and any(
        isinstance(cause, ConnectionResetError | ConnectionAbortedError)
        for cause in causes
    ):
        return Failure(ErrorKind.TLS, "TLS handshake failed: the connection was closed")
    numbers = [cause.errno for cause in causes if isinstance(cause, OSError)]
    words = next((_CONNECT[n] for n in numbers if n in _CONNECT), "cannot connect")
    return Failure(ErrorKind.CONNECT, words)


def _certificate(error: ssl.SSLCertVerificationError) -> str:
    known = _CERTIFICATE.get(error.verify_code)
    return known or f"certificate refused: {_shown(error.verify_message)}"


def _handshake(error: ssl.SSLError) -> str:
    reason = error.reason or ""
    words = _HANDSHAKE.get(reason) or reason.replace("_", " ").lower()
    return f"TLS handshake failed: {words}" if words else "TLS handshake failed"


def _shown(text: str) -> str:
    text = _CONTROLS.sub(" ", text)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
