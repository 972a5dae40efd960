"""Periods that end now: a parameter of pages that an exact time overrides; no I/O."""

from collections.abc import Mapping
from datetime import timedelta

from query.filters import AFTER, BEFORE, InvalidFilters
from query.pages.forms import CURSOR, Chip, Choice, Pairs, Segments, Sheet, without

RANGE = "range"
RANGES: Mapping[str, tuple[str, timedelta | None]] = {
    "1h": ("1 hour", timedelta(hours=1)),
    "24h": ("24 hours", timedelta(hours=24)),
    "7d": ("7 days", timedelta(days=7)),
    "30d": ("30 days", timedelta(days=30)),
    "all": ("All time", None),
}
DEFAULT_RANGE = "24h"


def chosen_range(
    pairs: Pairs, otherwise: timedelta | None
) -> tuple[timedelta | None, str | None]:
    """How far back to look, and which period the page shows as chosen.

    ``otherwise`` is the list's own default. No period is shown beside exact times.
    Raises InvalidFilters.
    """
    chosen = dict(pairs).get(RANGE)
    if chosen is not None and chosen not in RANGES:
        raise InvalidFilters({RANGE: f"Choose a period of {', '.join(RANGES)}."})
    span = RANGES[chosen][1] if chosen else otherwise
    if {AFTER, BEFORE}.intersection(name for name, _ in pairs):
        return span, None
    return span, chosen or ("all" if span is None else DEFAULT_RANGE)


def range_links(sheet: Sheet, pairs: Pairs, shown: str | None) -> Segments:
    others = without(pairs, RANGE, AFTER, BEFORE, CURSOR)
    return Segments(
        "Period",
        [
            Choice(label, sheet.address([*others, (RANGE, key)]), key == shown)
            for key, (label, _) in RANGES.items()
        ],
    )


def range_chip(sheet: Sheet, pairs: Pairs, shown: str | None) -> list[Chip]:
    if shown is None:
        return []
    fixed = shown == DEFAULT_RANGE
    remove = None if fixed else sheet.address(without(pairs, RANGE, CURSOR))
    label, span = RANGES[shown]
    return [Chip("Time", label if span is None else f"Last {label}", remove)]


def all_time(sheet: Sheet, pairs: Pairs) -> str:
    """The list without an end."""
    others = without(pairs, CURSOR, RANGE, AFTER, BEFORE)
    return sheet.address([*others, (RANGE, "all")])
