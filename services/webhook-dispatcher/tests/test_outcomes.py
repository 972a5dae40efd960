"""What follows from an attempt."""

from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from webhook_dispatcher.answers import ErrorKind, Failure, of_status
from webhook_dispatcher.outcomes import Outcome, outcome_of
from webhook_dispatcher.schedule import DEFAULT_GAPS_S
from webhook_dispatcher.sender import Attempt

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def attempt(status: int | None = None, **more: Any) -> Attempt:
    error = more.pop("error", None) or (of_status(status) if status else None)
    return Attempt(
        started_at=NOW,
        duration_ms=1.0,
        request_headers=(),
        status_code=status,
        error=error,
        **more,
    )


def after(made: Attempt, tries: int = 1, gaps: Any = DEFAULT_GAPS_S) -> Outcome:
    return outcome_of(made, tries=tries, gaps_s=gaps, random=Random(1))


@pytest.mark.parametrize("status", [200, 204, 299])
def test_a_2xx_is_sent(status: int) -> None:
    assert after(attempt(status)) == Outcome("SENT")


@pytest.mark.parametrize("status", [301, 400, 404, 429, 500, 599])
def test_anything_else_is_tried_again_at_its_gap(status: int) -> None:
    outcome = after(attempt(status), tries=4)

    assert outcome.status == "RETRYING"
    assert outcome.wait_s is not None
    assert 240 * 0.8 <= outcome.wait_s <= 240 * 1.2


def test_what_a_receiver_asks_for_is_waited_up_to_two_gaps() -> None:
    asked = [after(attempt(429, retry_after_s=s)).wait_s for s in (1, 90, 10_000)]

    assert asked[1] == 90
    assert asked[2] == 120
    assert asked[0] is not None
    assert 60 <= asked[0] <= 72


def test_410_gives_up_and_says_that_the_endpoint_is_gone() -> None:
    outcome = after(attempt(410))

    assert (outcome.status, outcome.gone) == ("FAILED", True)
    assert outcome.words == "answered 410 Gone: endpoint disabled"
    assert not outcome.exhausted


def test_an_address_that_is_not_allowed_is_given_up_and_the_endpoint_stays() -> None:
    words = "10.0.0.1 is not a public address"
    outcome = after(attempt(error=Failure(ErrorKind.BLOCKED_ADDRESS, words)))

    assert outcome == Outcome("FAILED", words=words)


@pytest.mark.parametrize(
    ("gaps", "tries", "words"),
    [((), 1, "answered 500, after 1 attempt"), ((1, 1), 3, "answered 500, after 3")],
)
def test_a_schedule_ends(gaps: Any, tries: int, words: str) -> None:
    outcome = after(attempt(500), tries=tries, gaps=gaps)

    assert (outcome.status, outcome.exhausted) == ("FAILED", True)
    assert outcome.words is not None
    assert outcome.words.startswith(words)
