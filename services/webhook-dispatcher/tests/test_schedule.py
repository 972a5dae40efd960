"""When a sendout is tried again."""

from random import Random

import pytest
from webhook_dispatcher.schedule import DEFAULT_GAPS_S, clamp_retry_after, wait_s


def test_the_default_spans_a_day_in_twelve_retries() -> None:
    assert len(DEFAULT_GAPS_S) == 12
    assert sum(DEFAULT_GAPS_S) == 86_400


def test_each_gap_follows_its_attempt() -> None:
    class Middle(Random):
        def random(self) -> float:
            return 0.5

    waits = [wait_s([1, 10, 100], n, Middle()) for n in (1, 2, 3)]

    assert waits == [pytest.approx(1), pytest.approx(10), pytest.approx(100)]


def test_an_exhausted_schedule_has_no_next() -> None:
    assert wait_s([1, 10], 3, Random(1)) is None
    assert wait_s([], 1, Random(1)) is None
    assert wait_s([], 1, Random(1), retry_after_s=5) is None


def test_waits_scatter_by_a_fifth_either_way() -> None:
    random = Random(1)

    waits = [wait_s([100], 1, random) or 0 for _ in range(1000)]

    assert 80 <= min(waits) < 82
    assert 118 < max(waits) <= 120
    assert len(set(waits)) == 1000


@pytest.mark.parametrize(
    ("asked", "waited"), [(0, 100), (99, 100), (150, 150), (200, 200), (86400, 200)]
)
def test_retry_after_is_honoured_from_one_to_two_gaps(
    asked: float, waited: float
) -> None:
    assert clamp_retry_after(asked, 100) == waited


def test_retry_after_never_shortens_a_wait() -> None:
    random = Random(1)

    waits = [wait_s([100], 1, random, retry_after_s=0) or 0 for _ in range(100)]

    assert min(waits) >= 100
    assert max(waits) <= 120
    assert wait_s([100], 1, random, retry_after_s=170) == 170
    assert wait_s([100], 1, random, retry_after_s=900) == 200
