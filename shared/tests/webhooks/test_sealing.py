"""Secrets at rest: only the right key opens them, for whom they were sealed."""

import pytest
from daybook.webhooks.sealing import (
    Box,
    DamagedSeal,
    MalformedKeys,
    UnknownKey,
    keys_from,
    new_key,
)

OLD = new_key("2026-01")
NEW = new_key("2026-11")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def box(*keys: str) -> Box:
    return Box(keys_from(",".join(keys)))


def test_what_is_sealed_opens_and_does_not_show() -> None:
    sealed = box(OLD).seal(SECRET, "we_1")

    assert box(OLD).open(sealed, "we_1") == SECRET
    assert sealed.startswith("2026-01:")
    assert "MfKQ" not in sealed


def test_the_same_secret_never_looks_the_same() -> None:
    one = box(OLD)

    assert one.seal(SECRET, "we_1") != one.seal(SECRET, "we_1")


def test_keys_rotate_while_both_are_there() -> None:
    sealed = box(OLD).seal(SECRET, "we_1")
    rotating = box(NEW, OLD)

    assert rotating.open(sealed, "we_1") == SECRET
    assert not rotating.is_current(sealed)
    again = rotating.seal(SECRET, "we_1")
    assert rotating.is_current(again)
    assert box(NEW).open(again, "we_1") == SECRET


def test_a_key_that_is_gone_is_named() -> None:
    sealed = box(OLD).seal(SECRET, "we_1")

    with pytest.raises(UnknownKey, match="2026-01"):
        box(NEW).open(sealed, "we_1")


def test_another_key_of_the_same_name_does_not_open() -> None:
    sealed = box(OLD).seal(SECRET, "we_1")

    with pytest.raises(DamagedSeal):
        box(new_key("2026-01")).open(sealed, "we_1")


def test_a_secret_opens_for_its_own_endpoint_alone() -> None:
    sealed = box(OLD).seal(SECRET, "we_1")

    with pytest.raises(DamagedSeal):
        box(OLD).open(sealed, "we_2")


@pytest.mark.parametrize("damage", ["", "A", "!!!!", "AAAA"])
def test_damage_is_told(damage: str) -> None:
    with pytest.raises(DamagedSeal):
        box(OLD).open(f"2026-01:{damage}", "we_1")


def test_keys_are_read_from_lines_too() -> None:
    assert list(keys_from(f"\n{NEW}\n{OLD}\n")) == ["2026-11", "2026-01"]


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "id", "id:", ":AAAA", "id:AAAA"),
        # Keys differ in each process that collects these.
        pytest.param("a b:" + NEW[8:], id="a name with a space"),
        pytest.param(f"{OLD},{OLD}", id="one name twice"),
    ],
)
def test_malformed_keys_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(MalformedKeys) as caught:
        keys_from(text)

    assert NEW[8:] not in str(caught.value)


def test_there_has_to_be_a_key() -> None:
    with pytest.raises(MalformedKeys):
        Box({})
