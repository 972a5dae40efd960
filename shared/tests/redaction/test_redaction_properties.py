"""What holds for any input, found by generating many."""

import json
from typing import TypeAlias

from daybook.redaction import Redactor
from hypothesis import given
from hypothesis import strategies as st

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

redactor = Redactor()
SECRET = "hunter2hunter2"
# Without digits no card arises by chance, and none of these names is secret.
harmless = st.text(st.characters(exclude_characters="0123456789="), max_size=20)
plain_names = harmless.filter(lambda name: not redactor._secret_field(name))  # pyright: ignore[reportPrivateUsage] # the same judgement, not a copy of it
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False, width=16)
    | harmless
)
secret_names = st.sampled_from(["password", "API_KEY", "clientSecret", "token", "cvv"])


def documents(names: st.SearchStrategy[str]) -> st.SearchStrategy[Json]:
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4)
        ),
        max_leaves=20,
    )


@given(documents(plain_names), st.booleans(), st.sampled_from([None, 1]))
def test_json_without_secrets_is_left_byte_for_byte(
    document: Json, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)

    assert redactor.redact_text(text, "application/json") == text


@given(
    documents(plain_names),
    documents(plain_names),
    secret_names,
    st.booleans(),
    st.sampled_from([SECRET, [SECRET, {"a": SECRET}], {"deep": [[SECRET]]}]),
    st.data(),
)
def test_no_planted_secret_survives_wherever_the_text_is_cut(
    before: Json,
    after: Json,
    name: str,
    ascii_only: bool,
    secret: Json,
    data: st.DataObject,
) -> None:
    document = {"before": before, name: secret, "after": after}
    text = json.dumps(document, ensure_ascii=ascii_only)
    end = data.draw(st.integers(0, len(text)))

    whole = redactor.redact_text(text)
    cut = redactor.redact_text(text[:end], cut=True)

    assert json.loads(whole).keys() == json.loads(text).keys()
    assert len(whole) == len(text)
    assert len(cut) == end
    for redacted in (whole, cut):
        assert "unter" not in redacted
    changed = [i for i, (a, b) in enumerate(zip(text, whole, strict=True)) if a != b]
    assert all(whole[i] == "*" for i in changed)
    assert len(changed) == len(SECRET) * text.count(SECRET)


@given(st.text(), st.text(st.characters(exclude_characters='"\\')), st.booleans())
def test_any_surrounding_garbage_hides_no_secret(
    before: str, secret: str, cut: bool
) -> None:
    text = before + '"password":"' + secret + ("" if cut else '"}')

    redacted = redactor.redact_text(text, cut=cut)

    assert len(redacted) == len(text)
    tail = redacted[len(before) + len('"password":"') :]
    assert tail[: len(secret)] == "*" * len(secret)


@given(st.text(alphabet="\"'\\{}[]:,= \nnu0123&?-@/token", max_size=300), st.booleans())
def test_any_text_keeps_its_length_and_redacting_twice_changes_nothing(
    text: str, cut: bool
) -> None:
    once = redactor.redact_text(text, cut=cut)

    assert len(once) == len(text)
    assert redactor.redact_text(once, cut=cut) == once


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_card_survives_nowhere(before: str, after: str) -> None:
    card = "5555555555554444"
    # Touching digits would make it a longer run, which is no card.
    text = before.rstrip("0123456789.") + card + after.lstrip("0123456789")

    assert card not in redactor.redact_text(text)
