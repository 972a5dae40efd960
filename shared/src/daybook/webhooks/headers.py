"""An endpoint's own headers: which it may have, and what shows of them."""

import re
from typing import Final

MASK: Final = "••••"

_MOST_BYTES: Final = 4096  # of one value; servers take 8 KiB of headers in all
_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_VALUE: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?|")
# What frames the request, or says what its body is.
_OURS: Final = frozenset(
    {
        *("host", "content-length", "content-type", "content-encoding"),
        *("transfer-encoding", "connection", "keep-alive", "proxy-connection"),
        *("te", "trailer", "upgrade", "expect", "accept-encoding", "http2-settings"),
        # Whose trace an attempt belongs to is its event's to say.
        *("traceparent", "tracestate"),
    }
)
_OUR_BEGINNINGS: Final = ("webhook-", "proxy-", ":")


def is_ours(name: str) -> bool:
    """Whether the header is Daybook's own to set."""
    lowered = name.lower()
    return lowered in _OURS or lowered.startswith(_OUR_BEGINNINGS)


def why_refused(name: str, value: str) -> str | None:
    """Why an endpoint cannot have this header, to a person; None where it can."""
    if not _NAME.fullmatch(name):
        return f"{name[:100]!r} is not the name of a header"
    if is_ours(name):
        return f"{name} is set by Daybook itself"
    if len(value) > _MOST_BYTES:
        return f"the value of {name} is longer than {_MOST_BYTES} characters"
    if not _VALUE.fullmatch(value):
        return f"the value of {name} holds other characters than printable ASCII"
    return None
