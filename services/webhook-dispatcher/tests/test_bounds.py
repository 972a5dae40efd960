"""An endpoint's circuit and rate, by a clock of the test's own."""

from random import Random
from typing import Any

import pytest
from webhook_dispatcher.circuit import FAILURES, FIRST_PAUSE_S, LONGEST_PAUSE_S, Circuit
from webhook_dispatcher.rates import Rate


class Stopwatch:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def circuit(stopwatch: Stopwatch) -> Circuit:
    return Circuit(stopwatch, Random(1))


def fail(circuit: Circuit, times: int = 1) -> None:
    for _ in range(times):
        circuit.began()
        circuit.ended(trouble=True)


def test_a_circuit_opens_after_failures_in_a_row_alone(circuit: Circuit) -> None:
    fail(circuit, FAILURES - 1)
    circuit.ended(trouble=False)
    fail(circuit, FAILURES - 1)
    assert circuit.room() is None

    fail(circuit)

    assert circuit.room() == 0
    assert FIRST_PAUSE_S * 0.8 <= circuit.wait_s() <= FIRST_PAUSE_S * 1.2


def test_after_its_pause_one_probe_is_let_by_and_its_success_closes(
    circuit: Circuit, stopwatch: Stopwatch
) -> None:
    fail(circuit, FAILURES)
    stopwatch.now += circuit.wait_s()
    assert circuit.room() == 1

    circuit.began()
    assert circuit.room() == 0
    circuit.ended(trouble=False)

    assert circuit.room() is None


def test_a_probe_that_fails_opens_for_longer_up_to_a_bound(
    circuit: Circuit, stopwatch: Stopwatch
) -> None:
    fail(circuit, FAILURES)
    pauses: list[float] = []
    for _ in range(10):
        stopwatch.now += circuit.wait_s()
        fail(circuit)
        pauses.append(circuit.wait_s())

    assert pauses[0] > FIRST_PAUSE_S * 1.5
    assert LONGEST_PAUSE_S * 0.8 <= pauses[-1] <= LONGEST_PAUSE_S * 1.2


@pytest.mark.parametrize("per_second", [0.5, 1, 7, 100])
def test_no_more_begin_than_the_rate_allows(
    stopwatch: Stopwatch, per_second: Any
) -> None:
    rate = Rate(stopwatch, per_second)
    begun = 0
    seconds = 20
    for _ in range(seconds * 50):
        room = rate.room()
        assert room is not None
        rate.spend(room)
        begun += room
        stopwatch.now += 0.02

    # The bucket is full at the start.
    assert (
        seconds * per_second - 1 <= begun <= seconds * per_second + max(1, per_second)
    )


def test_without_a_rate_any_number_may_begin(stopwatch: Stopwatch) -> None:
    rate = Rate(stopwatch, None)

    rate.spend(1_000)

    assert (rate.room(), rate.wait_s()) == (None, 0.0)


def test_it_is_told_when_the_next_may_begin(stopwatch: Stopwatch) -> None:
    rate = Rate(stopwatch, 2)
    rate.spend(2)

    assert rate.room() == 0
    assert rate.wait_s() == pytest.approx(0.5)
    stopwatch.now += 0.5
    assert rate.room() == 1
