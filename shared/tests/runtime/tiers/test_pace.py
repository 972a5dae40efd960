"""A move is held back, but never behind what is about to expire."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from daybook.runtime.tiers.pace import Frontier, Pace
from daybook.storage.times import to_ms

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
TIERS = {
    "shared": timedelta(days=180),
    "dedicated": timedelta(days=365),
    "trial": timedelta(days=1),
}


def is_near(frontier: Frontier, days: float) -> bool:
    return frontier.is_near(to_ms(NOW - timedelta(days=days)), NOW)


async def test_all_moves_together_stamp_so_many_a_second_and_read_ten_times() -> None:
    pace = Pace(1_000, time.monotonic)
    begun = time.monotonic()

    await asyncio.gather(
        pace.hold_back(100, 0), pace.hold_back(100, 0), pace.hold_back(0, 1_000)
    )

    assert time.monotonic() - begun == pytest.approx(0.3, abs=0.2)


async def test_a_pause_of_the_caller_counts() -> None:
    at = 0.0
    pace = Pace(1_000, lambda: at)
    await pace.hold_back(1, 0)
    at = 60.0

    async with asyncio.timeout(1):
        await pace.hold_back(1, 0)


@pytest.mark.parametrize(
    ("days", "near"),
    [
        (400, True),  # it may be kept still, by the time that its tier counts from
        (180, True),
        (180 - 1 / 25, True),
        (179, False),
        (1, False),
        (0, False),
    ],
)
def test_what_expires_within_the_hour_by_the_former_tier_is_near(
    days: float, near: bool
) -> None:
    assert is_near(Frontier(TIERS, "shared", "dedicated"), days) is near


def test_an_event_may_be_ahead_of_when_it_was_received() -> None:
    frontier = Frontier(TIERS, "shared", "dedicated")

    assert is_near(frontier, 180 - 64 / (24 * 60))
    assert not is_near(frontier, 180 - 66 / (24 * 60))


@pytest.mark.parametrize("former", [None, "dedicated", "gone"])
def test_without_a_former_tier_it_may_be_any_other(former: str | None) -> None:
    frontier = Frontier(TIERS, former, "dedicated")

    assert is_near(frontier, 2)
    assert not is_near(frontier, 0.5)


def test_a_tier_that_is_seen_counts_too() -> None:
    frontier = Frontier(TIERS, "shared", "dedicated")
    assert not is_near(frontier, 2)

    frontier.saw(["trial"])

    assert is_near(frontier, 2)


def test_of_a_tier_that_is_not_configured_nobody_knows_how_long_it_kept() -> None:
    frontier = Frontier(TIERS, "shared", "dedicated")

    frontier.saw(["gone"])

    assert is_near(frontier, 0)


def test_where_there_is_no_other_tier_nothing_is_near() -> None:
    one = {"shared": timedelta(days=1)}

    assert not is_near(Frontier(one, "shared", "shared"), 400)
