"""Times as documents hold them: UTC, whole milliseconds."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MS_PER_HOUR = 3_600_000
_MILLISECOND = timedelta(milliseconds=1)
# A producer's clock may run this far ahead before it is set aside.
FURTHEST_AHEAD_MS = 5 * 60_000


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware time, rounded down."""
    return (moment - EPOCH) // _MILLISECOND


def from_ms(ms: int) -> datetime:
    """The aware UTC time at ``ms`` milliseconds since 1970, kept in the calendar."""
    return EPOCH + timedelta(milliseconds=in_calendar(ms))


def hour_of(ms: int) -> int:
    """The hour of a time, as hours since 1970: what walked indexes start with."""
    return ms // MS_PER_HOUR


_EARLIEST_MS = to_ms(datetime.min.replace(tzinfo=UTC))
_LATEST_MS = to_ms(datetime.max.replace(tzinfo=UTC))


def event_ms(time: datetime) -> int:
    """Milliseconds since 1970 of an event's time; one without an offset is in UTC."""
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    # An offset may carry the first and last hours of the calendar out of it.
    return in_calendar(to_ms(time))


def in_calendar(ms: int) -> int:
    """The same, but for a time beyond year 1 or 9999: then the first or the last.

    A topic that does not stamp the append time takes any that a producer writes.
    """
    return min(max(ms, _EARLIEST_MS), _LATEST_MS)


def created_ms(time: datetime | None, received_ms: int) -> tuple[int, int | None]:
    """When an event happened, and its own time where that was set aside for it.

    That is the event's time; where it is missing, or too far ahead of the broker's
    clock, the broker's.
    """
    received_ms = in_calendar(received_ms)
    if time is None:
        return received_ms, None
    own = event_ms(time)
    return (received_ms, own) if own > received_ms + FURTHEST_AHEAD_MS else (own, None)
