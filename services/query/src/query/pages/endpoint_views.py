"""What the pages of webhook endpoints show, made from shapes; no I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from query.pages import text
from query.pages.links import endpoint_page, sendouts_with
from query.pages.sendout_views import STATUS_WORDS, State, state_of
from query.shapes import Json, time_text
from query.webhooks.stats import Stats

ACTIVE = State("active", "Active", "ok")
INACTIVE = State("inactive", "Switched off", "warn")
DISABLED = State("disabled", "Disabled", "bad")

_SIGNATURES = {
    "v1": "v1, HMAC-SHA256 with a shared secret",
    "v1a": "v1a, Ed25519 with a public key",
}
# The drawing's own units; the page stretches it.
_BAR, _GAP, HEIGHT = 8, 2, 40


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """An endpoint in the list, or the head of its page."""

    shape: Json
    rate: float | None = None

    @property
    def href(self) -> str:
        return endpoint_page(self.shape["id"])

    @property
    def state(self) -> State:
        if self.shape["disabled"]:
            return DISABLED
        return ACTIVE if self.shape["active"] else INACTIVE

    @property
    def why(self) -> str:
        disabled: Json | None = self.shape["disabled"]
        return (disabled or {}).get("reason") or ""

    @property
    def success(self) -> str:
        return per_cent(self.rate)


def per_cent(rate: float | None) -> str:
    """A rate that says 100 % only where nothing failed."""
    if rate is None:
        return "\u2014"
    tenths = int(rate * 1000)
    return f"{tenths // 10} %" if tenths % 10 == 0 else f"{tenths / 10:.1f} %"


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour: its sendouts, and below them what of those was not delivered."""

    x: int
    top: float
    height: float
    bad: float
    hour: str
    count: int | None
    undelivered: int | None


def bars_of(stats: Stats) -> list[Bar]:
    """A bar an hour, the highest as high as the drawing."""
    most = max((count or 0 for _, count in stats.hours), default=0) or 1
    bars: list[Bar] = []
    pairs = zip(stats.hours, stats.undelivered, strict=True)
    for place, ((hour, count), undelivered) in enumerate(pairs):
        height = _height(count or 0, most)
        bars.append(
            Bar(
                x=place * (_BAR + _GAP),
                top=round(HEIGHT - height, 2),
                height=height,
                bad=min(height, _height(undelivered or 0, most)),
                hour=time_text(hour),
                count=count,
                undelivered=undelivered,
            )
        )
    return bars


def _height(count: int, most: int) -> float:
    # What is there is seen, however little it is beside the most.
    return round(max(1.5, HEIGHT * count / most), 2) if count else 0.0


def stats_context(endpoint_id: str, stats: Stats) -> dict[str, Any]:
    """The endpoint's last 24 hours."""
    bars = bars_of(stats)
    known = [bar.count for bar in bars if bar.count is not None]
    lost = [bar.undelivered for bar in bars if bar.undelivered is not None]
    return {
        "bars": bars,
        "bar_width": _BAR,
        "width": len(bars) * (_BAR + _GAP) - _GAP,
        "height": HEIGHT,
        "sendouts": sum(known),
        "all_hours": len(known) == len(bars),
        "undelivered": sum(lost),
        "all_undelivered": len(lost) == len(bars),
        "success": per_cent(stats.success_rate),
        "p95": text.duration(stats.p95_duration_ms),
        "attempts": stats.attempts,
        "sampled": stats.sampled,
        "complete": stats.complete,
        "statuses": [
            (
                state_of(status),
                stats.statuses[status],
                f"{sendouts_with('endpoint_id', endpoint_id)}&status={status}",
            )
            for status in STATUS_WORDS
            if stats.statuses.get(status)
        ],
    }


def facts(shape: Json) -> list[tuple[str, str]]:
    """How the endpoint is configured, in reading order."""
    rate: float | None = shape["rate_limit_per_second"]
    known: Sequence[tuple[str, str | None]] = (
        ("Signature", _SIGNATURES.get(shape["signature"], shape["signature"])),
        ("Public key", shape["public_key"]),
        ("Retries", schedule_words(shape["retry_schedule_s"])),
        ("Rate limit", "none" if rate is None else f"{rate:g} a second"),
        ("Attempts at once, at most", str(shape["max_in_flight"])),
        ("Timeout", text.duration(shape["timeout_ms"])),
        ("Created", shape["created_at"]),
        ("Changed", shape["updated_at"]),
    )
    return [(label, value) for label, value in known if value is not None]


def schedule_words(gaps: Sequence[int]) -> str:
    if not gaps:
        return "none"
    said = ", ".join(map(_gap, gaps))
    return f"{len(gaps)} within {_gap(sum(gaps))}: after {said}"


def _gap(seconds: int) -> str:
    words = text.long_duration(seconds).split()
    # A rest of nothing is not said.
    return " ".join(words[:2] if words[2:3] == ["0"] else words)
