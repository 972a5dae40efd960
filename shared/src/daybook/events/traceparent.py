"""W3C Trace Context: the one line that names a trace, and a place in it."""

import re

_VERSION_00 = r"(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
_TRACEPARENT = re.compile(rf"00-{_VERSION_00}")
# Of versions to come it is known that they begin alike, and may go on after a dash.
_MORE = r"(?:-[\x21-\x7e]{0,200})?"
_LATER = re.compile(rf"(?!00|ff)[0-9a-f]{{2}}-({_VERSION_00}){_MORE}")


def traceparent_of(text: object) -> str | None:
    """The traceparent, spelled as version 00; None for what is none."""
    if not isinstance(text, str):
        return None
    if _TRACEPARENT.fullmatch(text):
        return text
    later = _LATER.fullmatch(text)
    return None if later is None else f"00-{later[1]}"


def trace_id_of(text: object) -> str | None:
    """The trace that a traceparent is of: 32 hexadecimal digits."""
    traceparent = traceparent_of(text)
    return None if traceparent is None else traceparent[3:35]
