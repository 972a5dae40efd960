"""What people type: places and times."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from daybook.commands.letter import Place
from daybook.runtime.clock import Clock, utc_now

_AGO = re.compile(r"([0-9]{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
# Kafka numbers milliseconds; before 1970 there were no records.
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


def parse_since(text: str, now: datetime) -> datetime:
    """``2h`` before ``now``, or an RFC 3339 time; else raises ``ValueError``."""
    ago = _AGO.fullmatch(text)
    if ago is not None:
        try:
            return max(_FIRST, now - timedelta(**{_UNITS[ago[2]]: int(ago[1])}))
        except OverflowError:
            return _FIRST
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return max(_FIRST, moment)


class SinceType(click.ParamType[datetime]):
    """``30s``, ``15m``, ``2h``, ``7d``, ``1w`` or RFC 3339."""

    name = "since"

    def __init__(self, clock: Clock = utc_now) -> None:
        self._clock = clock

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return parse_since(str(value), self._clock())
        except ValueError:
            self.fail(
                f"{value!r} is no time: write 30s, 15m, 2h, 7d, or a time with its "
                "zone, like 2026-11-24T04:00:00Z",
                param,
                ctx,
            )


class PlaceType(click.ParamType[Place]):
    """``PARTITION:OFFSET``, as ``list`` prints it."""

    name = "place"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Place:
        if isinstance(value, Place):
            return value
        try:
            return Place.parse(str(value))
        except ValueError:
            self.fail(
                f"{value!r} is no place: write PARTITION:OFFSET, as `daybook "
                "dead-letters list` prints it",
                param,
                ctx,
            )
