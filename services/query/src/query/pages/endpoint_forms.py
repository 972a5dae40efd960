"""The form of a webhook endpoint: from what is typed to a body, and back; no I/O."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from daybook.storage.webhook_endpoints import (
    DEFAULT_EVENT_TYPES,
    DEFAULT_MAX_IN_FLIGHT,
    DEFAULT_RETRY_SCHEDULE_S,
    DEFAULT_TIMEOUT_MS,
)

from query.pages.posts import Fields
from query.shapes import Json
from query.webhooks.bodies import InvalidBody

_SIGNATURES = {
    "v1": "v1: HMAC-SHA256, a shared secret",
    "v1a": "v1a: Ed25519, a public key",
}
_SPACES = re.compile(r"[\s,]+")


@dataclass(frozen=True, slots=True)
class Input:
    """One field of the form."""

    name: str
    label: str
    hint: str
    kind: Literal["text", "lines", "flag", "choice"] = "text"
    options: Mapping[str, str] | None = None


INPUTS: Sequence[Input] = (
    Input("url", "URL", "https, at a public host."),
    Input("description", "Description", "For people; may be left out."),
    Input(
        "event_types",
        "Event types",
        "One a line. * stands for any text: voucher.* or *.",
        "lines",
    ),
    Input(
        "headers",
        "Headers of its own",
        "One a line, as Name: value. They are kept sealed: a value that shows as •••• "
        "stays what it is.",
        "lines",
    ),
    Input(
        "retry_schedule_s",
        "Retries",
        "Gaps in seconds, each after the attempt before. Empty: no retry.",
    ),
    Input("rate_limit_per_second", "Rate limit", "Attempts a second. Empty: none."),
    Input("max_in_flight", "Attempts at once", "At most so many, 1 to 1000."),
    Input("timeout_ms", "Timeout in ms", "To connect, send and read together."),
    Input("active", "Active", "Deliver what it asks for.", "flag"),
)
SIGNATURE = Input(
    "signature",
    "Signature",
    "It cannot be changed later.",
    "choice",
    _SIGNATURES,
)

BLANK: Mapping[str, str] = {
    "event_types": "\n".join(DEFAULT_EVENT_TYPES),
    "retry_schedule_s": ", ".join(map(str, DEFAULT_RETRY_SCHEDULE_S)),
    "max_in_flight": str(DEFAULT_MAX_IN_FLIGHT),
    "timeout_ms": str(DEFAULT_TIMEOUT_MS),
    "active": "on",
    "signature": "v1",
}


def filled(shape: Json) -> dict[str, str]:
    """The form's texts for an endpoint that there is."""
    rate: float | None = shape["rate_limit_per_second"]
    headers: Mapping[str, str] = shape["headers"]
    return {
        "url": shape["url"],
        "description": shape["description"] or "",
        "event_types": "\n".join(shape["event_types"]),
        "headers": "\n".join(f"{name}: {value}" for name, value in headers.items()),
        "retry_schedule_s": ", ".join(map(str, shape["retry_schedule_s"])),
        "rate_limit_per_second": "" if rate is None else f"{rate:g}",
        "max_in_flight": str(shape["max_in_flight"]),
        "timeout_ms": str(shape["timeout_ms"]),
        "active": "on" if shape["active"] else "",
    }


def body_of(fields: Fields, *, new: bool) -> dict[str, Any]:
    """What the form means, as the API takes it.

    What is no number stays a text, of which the reader of bodies says what is wrong.
    Raises InvalidBody for a header's line that is none.
    """
    body: dict[str, Any] = {
        "url": fields.get("url", "").strip(),
        "description": fields.get("description", "").strip() or None,
        "event_types": _lines(fields.get("event_types", "")) or None,
        "headers": _headers(fields.get("headers", "")),
        "retry_schedule_s": [
            _number(gap)
            for gap in _SPACES.split(fields.get("retry_schedule_s", ""))
            if gap
        ],
        "active": fields.get("active") == "on",
        **{
            name: _number(given) if (given := fields.get(name, "").strip()) else None
            for name in ("rate_limit_per_second", "max_in_flight", "timeout_ms")
        },
    }
    return body | ({"signature": fields.get("signature")} if new else {})


def form_of(
    values: Mapping[str, str], problems: Mapping[str, str], *, new: bool
) -> list[dict[str, Any]]:
    """The form as the template shows it; every problem beside its field."""
    return [
        {
            "input": field,
            "value": values.get(field.name, ""),
            "problem": problems.get(field.name),
        }
        for field in (*INPUTS, *((SIGNATURE,) if new else ()))
    ]


def _lines(typed: str) -> list[str]:
    return [line.strip() for line in typed.splitlines() if line.strip()]


def _headers(typed: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in _lines(typed):
        name, colon, value = line.partition(":")
        if not colon:
            # What was typed may be a secret: it is not said again.
            raise InvalidBody({"headers": "write each as Name: value, on its own line"})
        if name.strip() in headers:
            raise InvalidBody({"headers": f"give {name.strip()[:100]} once"})
        headers[name.strip()] = value.strip()
    return headers


def _number(typed: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(typed)
        except ValueError:
            continue
    return typed
