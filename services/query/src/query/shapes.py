"""How stored values are shown: times as text, and absent parts as null."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from daybook.storage.times import from_ms

Json = dict[str, Any]


def time_text(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds and ``Z``."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def ms_text(ms: int | None) -> str | None:
    """The same of milliseconds since 1970."""
    return None if ms is None else time_text(from_ms(ms))


def time_or_null(value: datetime | None) -> str | None:
    return None if value is None else time_text(value)


def event_time(value: datetime | str | None) -> str | None:
    # A producer's time that is no time at all is kept as it came.
    return value if isinstance(value, str) else time_or_null(value)


def part(value: object, names: tuple[str, ...]) -> Json | None:
    """What is stored under ``names`` inside of ``value``; null when it is absent."""
    if not isinstance(value, Mapping):
        return None
    held = cast("Mapping[str, Any]", value)
    return {name: held.get(name) for name in names}
