import pytest
from daybook.events.traceparent import trace_id_of, traceparent_of

TRACE = "0af7651916cd43dd8448eb211c80319c"
PLACE = f"{TRACE}-b7ad6b7169203331-01"
GOOD = f"00-{PLACE}"


def test_a_traceparent_is_taken_as_it_is() -> None:
    assert traceparent_of(GOOD) == GOOD
    assert trace_id_of(GOOD) == TRACE


@pytest.mark.parametrize("later", [f"01-{PLACE}", f"cc-{PLACE}-more=1"])
def test_one_of_a_version_to_come_is_read_as_the_first(later: str) -> None:
    assert traceparent_of(later) == GOOD


@pytest.mark.parametrize(
    "odd",
    [
        *(None, 7, b"00", "", "nonsense", GOOD.upper(), f" {GOOD}", f"{GOOD}\n"),
        *(f"{GOOD}-more", f"ff-{PLACE}", GOOD[:-1], GOOD.replace("-", "_")),
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"01-{PLACE}-\r\nx-injected: 1",
        f"01-{PLACE}-{'x' * 201}",
    ],
)
def test_anything_else_is_none(odd: object) -> None:
    assert traceparent_of(odd) is None
    assert trace_id_of(odd) is None
