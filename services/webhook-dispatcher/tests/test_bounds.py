"""An endpoint's circuit, rate and rest, by a clock of the test's own."""

from random import Random
from typing import Any

import pytest
from webhook_dispatcher.circuit import FAILURES, FIRST_PAUSE_S, LONGEST_PAUSE_S, Circuit
from webhook_dispatcher.endpoints import Endpoint
from webhook_dispatcher.lanes import SPREAD_S, UNPROVEN, Lane
from webhook_dispatcher.rates import Rate

ENDPOINT = Endpoint("demo", "we_1", ("*",), True)


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


def test_what_timed_out_rests_for_a_while_of_its_own(stopwatch: Stopwatch) -> None:
    lanes = [Lane(str(number), stopwatch, Random(number)) for number in range(20)]
    waits: set[float] = set()

    for lane in lanes:
        lane.began("one")
        lane.answered(timed_out=True, trouble=True)
        lane.ended("one")
        assert lane.room(ENDPOINT, 10) == 0
        lane.wait()
        waits.add(lane.look_at - stopwatch.now)

    assert len(waits) == len(lanes)
    assert max(waits) <= SPREAD_S
    stopwatch.now += SPREAD_S
    assert all(lane.room(ENDPOINT, 10) == UNPROVEN for lane in lanes)


def test_an_answer_ends_the_rest(stopwatch: Stopwatch) -> None:
    lane = Lane("one", stopwatch, Random(1))
    lane.began("slow")
    lane.began("fast")
    lane.answered(timed_out=True, trouble=True)
    lane.ended("slow")

    lane.answered(timed_out=False, trouble=False)
    lane.ended("fast")

    assert lane.room(ENDPOINT, 10) == 10
