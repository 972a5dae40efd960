"""Times as documents hold them: UTC, whole milliseconds."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MS_PER_HOUR = 3_600_000
_MILLISECOND = timedelta(milliseconds=1)


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware time, rounded down."""
    return (moment - EPOCH) // _MILLISECOND


def from_ms(ms: int) -> datetime:
    """The aware UTC time at ``ms`` milliseconds since 1970."""
    return EPOCH + timedelta(milliseconds=ms)


def hour_of(ms: int) -> int:
    """The hour of a time, as hours since 1970: what walked indexes start with."""
    return ms // MS_PER_HOUR
