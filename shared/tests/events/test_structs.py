"""The quick decoders agree with pydantic on whatever they accept."""

import json
from typing import Annotated, Any

import msgspec
import pytest
from daybook.events.base import Part
from daybook.events.faults import RecordFault
from daybook.events.judging import judge_structured
from daybook.events.reading import EventReader
from daybook.events.request import RequestCompleted
from daybook.events.structs import UnsupportedAnnotation, envelope_decoder
from daybook.testing.records import FakeRecord, request_event
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from(["", "POST", "utf-8", "base64", "server", "2026-11-24T04:00:00Z"]),
    st.lists(st.lists(st.text(max_size=3), max_size=3), max_size=2),
    st.dictionaries(st.sampled_from(["id", "email", "name", "kind"]), st.text()),
)
FIELDS = sorted(RequestCompleted.model_fields)
ATTRIBUTES = ["id", "source", "type", "time", "subject", "projectid", "sequence", "x"]


@given(
    data=st.dictionaries(st.sampled_from([*FIELDS, "unknown"]), ODD, max_size=3),
    message=st.dictionaries(
        st.sampled_from(["headers", "body", "body_size", "body_encoding", "truncated"]),
        ODD,
        max_size=2,
    ),
    attributes=st.dictionaries(st.sampled_from(ATTRIBUTES), ODD, max_size=2),
)
def test_whatever_is_read_is_what_the_exact_judgement_gives(
    data: dict[str, Any], message: dict[str, Any], attributes: dict[str, Any]
) -> None:
    event = request_event(data={"response": message, **data}, **attributes)
    value = json.dumps(event).encode()

    try:
        exact = judge_structured(value, {RequestCompleted.type: RequestCompleted})
    except RecordFault as fault:
        with pytest.raises(type(fault)):
            EventReader([RequestCompleted]).read(FakeRecord(value))
    else:
        assert EventReader([RequestCompleted]).read(FakeRecord(value)) == exact


def test_a_valid_event_needs_no_second_judgement() -> None:
    decoder = envelope_decoder((RequestCompleted,))

    envelope = decoder.decode(json.dumps(request_event()))

    assert msgspec.to_builtins(envelope.data) == request_event()["data"]


def test_a_constraint_that_cannot_be_carried_over_is_an_error_at_once() -> None:
    class Odd(Part):
        code: Annotated[str, Field(pattern="a+")]

    class WithOdd(RequestCompleted):
        odd: Odd

    with pytest.raises(UnsupportedAnnotation):
        envelope_decoder((WithOdd,))
