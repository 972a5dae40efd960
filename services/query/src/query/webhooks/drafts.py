"""What people may say of a webhook endpoint, and within which bounds."""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from daybook.storage.webhook_endpoints import (
    DEFAULT_EVENT_TYPES,
    DEFAULT_MAX_IN_FLIGHT,
    DEFAULT_RETRY_SCHEDULE_S,
    DEFAULT_TIMEOUT_MS,
)
from daybook.webhooks.addresses import AddressRules, Refused
from daybook.webhooks.headers import MASK, why_refused
from daybook.webhooks.signing import SignatureKind

from query.webhooks.bodies import (
    Field,
    InvalidBody,
    Wrong,
    flag,
    number,
    or_default,
    read_object,
    text,
    whole,
)

LONGEST_DESCRIPTION: Final = 1_000
# Each is matched with each event of the project.
MOST_PATTERNS: Final = 100
LONGEST_PATTERN: Final = 256  # as long as an event's type
MOST_GAPS: Final = 50
LONGEST_GAP_S: Final = 7 * 86_400
MOST_IN_FLIGHT: Final = 1_000
SHORTEST_TIMEOUT_MS, LONGEST_TIMEOUT_MS = 100, 30_000
# Slower than one in a quarter of an hour is a queue that only grows.
LOWEST_RATE, HIGHEST_RATE = 0.001, 10_000.0
MOST_HEADERS: Final = 20
# Servers take 8 KiB in all, ours among them.
MOST_HEADER_CHARACTERS: Final = 6_144
LONGEST_GRACE_S: Final = 7 * 86_400
DEFAULT_GRACE_S: Final = 86_400

# What an endpoint is where nothing else is said.
_DEFAULTS: Final[Mapping[str, Any]] = {
    "description": None,
    "event_types": list(DEFAULT_EVENT_TYPES),
    "active": True,
    "headers": {},
    "signature": SignatureKind.V1.value,
    "retry_schedule_s": list(DEFAULT_RETRY_SCHEDULE_S),
    "rate_limit_per_second": None,
    "max_in_flight": DEFAULT_MAX_IN_FLIGHT,
    "timeout_ms": DEFAULT_TIMEOUT_MS,
}


def read_draft(body: object, rules: AddressRules) -> dict[str, Any]:
    """A new endpoint, whole; raises :class:`InvalidBody`."""
    fields = {"url": _url(rules), **_FIELDS, "signature": _DEFAULTED["signature"]}
    given = {**_DEFAULTS, **read_object(body, fields, required=("url",))}
    if unknown := [name for name, value in given["headers"].items() if value == MASK]:
        raise InvalidBody(
            {"headers": f"give {unknown[0]} a value: {MASK} stands for it"}
        )
    return given


def read_change(body: object, rules: AddressRules) -> dict[str, Any]:
    """What is to change; null is the default. Raises :class:`InvalidBody`.

    A header whose value is masked keeps the one that it has.
    """
    return read_object(
        body, {"url": _url(rules), **_FIELDS, "signature": _fixed_signature}
    )


def read_grace_s(body: object) -> int:
    """For how long an old secret signs beside the new one."""
    default = DEFAULT_GRACE_S
    grace = or_default(whole(0, LONGEST_GRACE_S), default)
    return read_object(body, {"grace_s": grace}).get("grace_s", default)


def _url(rules: AddressRules) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str):
            raise Wrong("use a text: https://example.com/hook")
        try:
            rules.judge_url(value)
        except Refused as error:
            raise Wrong(str(error)) from error
        return value

    return read


def _event_types(value: object) -> list[str]:
    patterns = list(dict.fromkeys(_texts(value)))
    if not 0 < len(patterns) <= MOST_PATTERNS or not all(map(_is_pattern, patterns)):
        raise Wrong(
            f"use a list of 1 to {MOST_PATTERNS} event types or patterns such as "
            f"voucher.* or *, of 1 to {LONGEST_PATTERN} printable characters each"
        )
    return patterns


def _is_pattern(pattern: str) -> bool:
    return 0 < len(pattern) <= LONGEST_PATTERN and pattern.isprintable()


def _retry_schedule(value: object) -> list[int]:
    gap = whole(1, LONGEST_GAP_S)
    gaps = cast("list[object]", value) if isinstance(value, list) else None
    try:
        if gaps is not None and len(gaps) <= MOST_GAPS:
            return [gap(one) for one in gaps]
    except Wrong:
        pass
    raise Wrong(
        f"use a list of at most {MOST_GAPS} gaps in whole seconds, each from 1 to "
        f"{LONGEST_GAP_S} (7 days); an empty one is no retry"
    )


def _headers(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise Wrong('use an object of names and values: {"X-Api-Key": "…"}')
    headers: dict[str, str] = {}
    for name, content in cast("Mapping[str, object]", value).items():
        if not isinstance(content, str):
            raise Wrong(f"the value of {name[:100]!r} has to be a text")
        refused = why_refused(name, "" if content == MASK else content)
        if refused is not None:
            raise Wrong(refused)
        headers[name] = content
    if len(headers) > MOST_HEADERS:
        raise Wrong(f"give at most {MOST_HEADERS}")
    if len({name.lower() for name in headers}) < len(headers):
        raise Wrong("give each header once: upper and lower case are the same")
    if sum(map(len, (*headers, *headers.values()))) > MOST_HEADER_CHARACTERS:
        raise Wrong(f"give at most {MOST_HEADER_CHARACTERS} characters in all")
    return headers


def _signature(value: object) -> str:
    if value in list(SignatureKind):
        return str(value)
    raise Wrong("use v1 (HMAC-SHA256) or v1a (Ed25519)")


def _fixed_signature(_: object) -> str:
    raise Wrong("cannot be changed: make another endpoint")


def _texts(value: object) -> list[str]:
    if not isinstance(value, list):
        return []
    found = cast("list[object]", value)
    texts = [one for one in found if isinstance(one, str)]
    return texts if len(texts) == len(found) else []


_DEFAULTED: Final[Mapping[str, Field]] = {
    name: or_default(field, _DEFAULTS[name])
    for name, field in {
        "description": text(LONGEST_DESCRIPTION),
        "event_types": _event_types,
        "active": flag,
        "headers": _headers,
        "signature": _signature,
        "retry_schedule_s": _retry_schedule,
        "rate_limit_per_second": number(LOWEST_RATE, HIGHEST_RATE),
        "max_in_flight": whole(1, MOST_IN_FLIGHT),
        "timeout_ms": whole(SHORTEST_TIMEOUT_MS, LONGEST_TIMEOUT_MS),
    }.items()
}
_FIELDS: Final = {
    name: field for name, field in _DEFAULTED.items() if name != "signature"
}
