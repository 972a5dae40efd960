"""A move is held back, but never behind what is about to expire."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from daybook.runtime.tiers.pace import Pace
from daybook.storage.tier_walks import EVENT_WALKS, SENDOUT_WALKS

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
PACE = Pace(100, {"shared": timedelta(days=180), "dedicated": timedelta(days=365)})
(EVENTS, *_), (SENDOUTS,) = EVENT_WALKS, SENDOUT_WALKS


def aged(days: float, tier: str = "shared", **fields: datetime) -> dict[str, Any]:
    return {"tier": tier, "received_at": NOW - timedelta(days=days), **fields}


def test_a_document_takes_its_time_and_one_that_is_only_read_a_tenth() -> None:
    assert PACE.seconds(EVENTS, [aged(10)] * 100, 100, NOW) == 1.0
    assert PACE.seconds(EVENTS, [], 100, NOW) == pytest.approx(0.1)
    assert PACE.seconds(EVENTS, [aged(10)] * 50, 100, NOW) == pytest.approx(0.55)


@pytest.mark.parametrize(
    "document",
    [
        aged(180 - 1 / 25),
        aged(181),  # over, but not removed yet
        aged(365 - 1 / 25, "dedicated"),
        aged(1, "gone"),  # nobody knows how long a tier kept that is not configured
    ],
)
def test_what_expires_within_the_hour_is_not_held_back(
    document: dict[str, Any],
) -> None:
    assert PACE.seconds(EVENTS, [aged(10), document], 2, NOW) == 0.0


def test_a_sendout_counts_from_when_it_was_settled() -> None:
    assert PACE.seconds(SENDOUTS, [aged(181, settled_at=NOW)], 1, NOW) > 0
    assert PACE.seconds(SENDOUTS, [aged(181)], 1, NOW) > 0  # it is open still
    long_ago = NOW - timedelta(days=180)
    assert PACE.seconds(SENDOUTS, [aged(1, settled_at=long_ago)], 1, NOW) == 0.0
