"""Documents side by side make the table that they make one after the other."""

# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportAttributeAccessIssue=false

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import bson
import pytest
from bson.datetime_ms import DatetimeMS
from daybook.exports.objects import OBJECTS
from exporter.decoding.lockstep import MOST_SHAPES, Unlike, walk
from exporter.decoding.tables import Decoder
from exporter.encoding.table import schema_of, table_of
from exporter.reading.batches import Batch
from exporter.reading.groups import Group
from exporter.rows import columns, places
from hypothesis import given, settings
from hypothesis import strategies as st

Document = dict[str, Any]

AT = datetime(2026, 11, 24, 3, 4, 5, 678_000)  # noqa: DTZ001 - as the driver makes it


def group_of(documents: Sequence[Document], order: list[str] | None = None) -> Group:
    """In two pieces, as batches of the database come."""
    half = len(documents) // 2
    pieces = [encoded(some) for some in (documents[:half], documents[half:]) if some]
    return Group(pieces, lambda some: some[-1], order)


def encoded(documents: Sequence[Document]) -> Batch:
    return Batch.of([bson.encode(one) for one in documents])


def both_ways(name: Any, group: Group) -> tuple[Any, Any]:
    """The decoder's table, and that of the documents as Python's objects."""
    fields = [one for one in OBJECTS[name].fields if places(name, [one])]
    schema = schema_of(OBJECTS[name].fields, fields)
    plain = table_of(schema, columns(name, fields, group.documents()))
    return Decoder(name, fields, schema).table(group), plain


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
TIMES = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    TEXTS,
    TIMES,
    st.binary(max_size=9),
    st.builds(DatetimeMS, st.integers(-(2**62), 2**62)),
    st.lists(TEXTS, max_size=3),
    st.dictionaries(st.sampled_from(["email", "body", "x"]), TEXTS, max_size=2),
)
FITTING = {
    "text": TEXTS,
    "time": TIMES,
    "integer": st.integers(-(2**63), 2**63 - 1),
    "number": st.one_of(st.floats(), st.integers(-(2**31), 2**31)),
    "json": TEXTS,
}


@st.composite
def stored(draw: Any, name: Any, *, odd: bool) -> Document:
    """A document with values where the fields of an object stand, or without."""
    document: Document = {"_id": f"p/{draw(st.integers(0, 10**6))}"}
    for field in OBJECTS[name].table.values():
        if not draw(st.integers(0, 4)):
            continue
        *outer, last = field.path.split(".")
        inside = document
        for one in outer:
            inside = inside.setdefault(one, {})
        fits = FITTING.get(field.type, st.booleans())
        kind = st.one_of(fits, ODD) if odd and not outer else fits
        if isinstance(inside, dict) and not isinstance(inside.get(last), dict):
            inside[last] = draw(kind)
    if draw(st.booleans()):
        document["other"] = draw(ODD)
    return document


@pytest.mark.parametrize("odd", [False, True])
@pytest.mark.parametrize("name", OBJECTS)
@settings(max_examples=30)
@given(data=st.data())
def test_a_table_is_the_same_whichever_way_it_is_made(
    name: Any, odd: bool, data: st.DataObject
) -> None:
    some = data.draw(st.lists(stored(name, odd=odd), min_size=1, max_size=6))
    # The same documents again, so that there is something to walk side by side.
    documents = [*some, *some[::-1], *some]

    ours, plain = both_ways(name, group_of(documents))

    assert ours.equals(plain)
    ours.validate(full=True)


def test_what_is_no_number_is_null_beside_one_that_no_float_holds_too() -> None:
    known: list[Document] = [{"duration_ms": math.nan}, {"duration_ms": 2**53 + 1}]
    documents = [{"_id": f"p/{n}", **one} for n, one in enumerate(known * 3)]

    ours, plain = both_ways("api_log", group_of(documents))

    assert ours["request_duration"].to_pylist() == [None, 2.0**53] * 3
    assert ours.equals(plain)


def logs(count: int) -> list[Document]:
    return [
        {
            "_id": f"shop/{n}",
            "id": f"{n}",
            "created_at": AT + timedelta(milliseconds=n),
            "user": {"id": "u", "email": f"{n}@shop.example"} if n % 3 else None,
            "api_key": {"id": f"k-{n}", "kind": ("server", "client")[n % 2]},
            "duration_ms": n if n % 5 else n / 7,
            "request": {"headers": [["a", "b"]], "body": '{"😀": "\n"}' * (n % 4)},
        }
        for n in range(count)
    ]


def test_documents_alike_are_walked_side_by_side() -> None:
    documents = logs(60)

    walked = walk([encoded(documents)], {"user.email", "request.body"})

    emails = walked.found["user.email"]
    assert sum(len(one.rows) for one in emails) == 40
    assert len(emails) <= 4  # shapes, and not documents


def test_documents_that_are_all_different_are_made_one_after_the_other() -> None:
    documents = [{**one, f"x{n}": n} for n, one in enumerate(logs(MOST_SHAPES + 9))]

    ours, plain = both_ways("api_log", group_of(documents))

    assert ours.equals(plain)
    with pytest.raises(Unlike):
        walk([encoded(documents)], {"id"})


def test_rows_are_in_the_order_that_is_asked_for_without_those_that_are_gone() -> None:
    documents = logs(9)
    order = [f"shop/{n}" for n in (7, 3, 20, 0, 8)]

    ours, plain = both_ways("api_log", group_of(documents, order))

    assert ours.column("id").to_pylist() == ["7", "3", "0", "8"]
    assert ours.equals(plain)


@pytest.mark.parametrize("documents", [[], [{"_id": "shop/1"}]])
def test_nothing_and_next_to_nothing_are_tables_too(documents: list[Document]) -> None:
    ours, plain = both_ways("api_log", group_of(documents, ["shop/1", "shop/2"]))

    assert ours.num_rows == len(documents)
    assert ours.equals(plain)
