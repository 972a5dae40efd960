"""Webhook endpoints as the control plane stores them, and what became of them.

A document of ``webhook_endpoints`` holds, beside ``_id`` (``PROJECT/ID``)::

    project_id id url description? event_types active signature ("v1" | "v1a")
    public_key? headers[{name value}] secrets[{secret added_at expires_at?}]
    retry_schedule_s rate_limit_per_second? max_in_flight timeout_ms
    created_at updated_at deleted_at?

Header values and secrets are sealed for the endpoint's ``_id``
(:mod:`daybook.webhooks.sealing`); the newest secret comes first, and one that expires
signs beside it until then. ``event_types`` are patterns (:func:`asks_for`).

One document more, ``_id`` :data:`VERSION_ID`, holds ``version``, which every change
raises in the same transaction: who keeps the endpoints in memory reads it to know
whether they still stand.

A document of ``endpoint_health`` (same ``_id``) is the dispatcher's: ``disabled``
{at reason}, where it is, and ``exhausted``, the ids of the sendouts given up on since
the last one that was delivered.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from zlib import crc32

# No endpoint has it: those have a slash.
VERSION_ID = "version"
# Whose work an endpoint's is: one of so many slots, each with one owner.
SLOTS = 64

DEFAULT_EVENT_TYPES = ("*",)
DEFAULT_MAX_IN_FLIGHT = 10
DEFAULT_TIMEOUT_MS = 10_000
# Twelve retries in a day: a quick one for a restart, hours for a broken release.
DEFAULT_RETRY_SCHEDULE_S = (
    *(60, 60, 120, 240, 480, 960),
    *(1920, 3840, 7680, 15360, 30720, 24960),
)


def slot_of(endpoint: str) -> int:
    """The slot of an endpoint's ``_id``; it never changes."""
    return crc32(endpoint.encode()) % SLOTS


def asks_for(patterns: Iterable[str], event_type: str) -> bool:
    """Whether one of the patterns has the type. ``*`` is any text, dots included."""
    return any(_compiled(pattern).fullmatch(event_type) for pattern in patterns)


def pattern_text(pattern: str) -> str:
    """A pattern as a regular expression of Python's and Perl's, in which . is any."""
    # Possessive: a pattern of many stars must not take for ever to fail.
    parts = [re.escape(part) for part in re.split(r"\*+", pattern)]
    first, *rest = parts
    if not rest:
        return first
    *middle, last = rest
    lazy = "".join(f"(?>.*?{part})" for part in middle)
    return f"{first}{lazy}.*{last}"


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern_text(pattern), re.DOTALL)
