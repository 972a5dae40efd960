"""What may be asked for as an export, and what is said of the rest."""

from datetime import UTC, datetime
from typing import Any

import pytest
from daybook.exports.conditions import select
from daybook.exports.filters import LONGEST_VALUE, MOST_FIELDS, MOST_VALUES
from daybook.exports.objects import OBJECTS, ExportedObject
from daybook.exports.parameters import (
    InvalidParameters,
    Parameters,
    parameters_of,
    read_parameters,
)
from daybook.storage.exports import new_export
from pymongo import AsyncMongoClient

Document = dict[str, Any]

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)


def read(name: str = "api_log", **parameters: Any) -> Parameters:
    return read_parameters({"exported_object": name, "parameters": parameters})


def filtered(field: str, operator: str, *values: Any) -> Parameters:
    return read(filters={field: {"conditions": {operator: list(values)}}})


def problems(**parameters: Any) -> dict[str, str]:
    with pytest.raises(InvalidParameters) as raised:
        read(**parameters)
    return raised.value.problems


def test_what_voucherifys_clients_send_is_read_as_it_is() -> None:
    filters = {
        "junction": "AND",
        "created_at": {"conditions": {"$after": ["2026-11-23T00:00:00Z"]}},
        "channel": {"conditions": {"$in": ["API", "WEBSITE"], "$not_in": None}},
        "app_id": {"conditions": {"$is": "key_1"}},
    }

    parameters = read(
        order="-created_at", fields=["status", "id", "created_at"], filters=filters
    )

    assert parameters.fields == ("status", "id", "created_at")
    assert parameters.order == "-created_at"
    assert parameters.filters["junction"] == "and"
    assert parameters.filters["channel"] == {"conditions": {"$in": ["API", "WEBSITE"]}}
    assert parameters.filters["app_id"] == {"conditions": {"$is": ["key_1"]}}


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("api_log", {"request_body", "response_body"}),
        ("async_action", set[str]()),
        ("webhook_sendout", {"data"}),
        ("webhook_attempt", {"response_body"}),
    ],
)
@pytest.mark.parametrize("given", [{}, {"parameters": None}, {"parameters": {}}])
def test_without_parameters_all_but_bodies_is_exported_newest_first(
    name: str, left_out: set[str], given: Document
) -> None:
    parameters = read_parameters({"exported_object": name, **given})

    fields = OBJECTS[parameters.exported_object].fields
    assert parameters.fields == tuple(one for one in fields if one not in left_out)
    assert parameters.order == "-created_at"
    assert parameters.response_format == "CSV"


@pytest.mark.parametrize(
    ("parameters", "place", "what"),
    [
        ({"order": "id"}, "order", "-created_at or created_at"),
        ({"fields": ["id", "colour"]}, "fields", "response_body"),
        ({"fields": ["id", "status", "id"]}, "fields", "name id once"),
        ({"fields": "id"}, "fields", "a list"),
        ({"filter": {}}, "filter", "filters"),
        ({"filters": []}, "filters", "an object"),
        ({"filters": {"junction": "xor"}}, "filters.junction", "and or or"),
        ({"filters": {"chanel": {}}}, "filters.chanel", "use channel"),
        ({"filters": {"url": "x"}}, "filters.url", "conditions"),
        ({"filters": {"url": {"$is": ["x"]}}}, "filters.url.$is", "use conditions"),
        ({"filters": {"url": {"conditions": {}}}}, "filters.url.conditions", "$is"),
        (
            {"filters": {"url": {"conditions": {"$is": None}}}},
            "filters.url.conditions",
            "$is",
        ),
    ],
)
def test_a_wrong_parameter_is_named_with_what_may_stand_there(
    parameters: Document, place: str, what: str
) -> None:
    said = problems(**parameters)

    assert what in said[f"parameters.{place}"]


@pytest.mark.parametrize(
    ("field", "operator", "values", "what"),
    [
        ("url", "$after", ["x"], "$contains"),
        ("created_at", "$contains", ["x"], "$before"),
        ("created_at", "$after", ["yesterday"], "RFC 3339"),
        ("created_at", "$after", ["0001-01-01T00:00:00+14:00"], "RFC 3339"),
        ("created_at", "$before", ["2026-11-24", "2026-11-25"], "one value"),
        ("request_duration", "$more_than", ["5"], "numbers"),
        ("request_duration", "$is", [True], "numbers"),
        ("request_duration", "$is", [2**63], "64 bits"),
        ("request_duration", "$is", [10**400], "64 bits"),
        ("request_duration", "$is", [float("nan")], "64 bits"),
        ("status", "$is", ["success"], "SUCCESS or FAILURE"),
        ("status_code", "$is", ["4x"], "4xx"),
        ("status_code", "$is", [10**5000], "4xx"),
        ("status_code", "$more_than", ["4xx"], "whole numbers"),
        ("url", "$is", [5], "texts"),
        ("url", "$is", ["a\0"], "NUL"),
        ("url", "$is", ["\ud800"], "surrogates"),
        ("url", "$is", [], "give a value"),
        ("url", "$in", ["x"] * (MOST_VALUES + 1), f"{MOST_VALUES} values"),
        ("url", "$is", ["x" * (LONGEST_VALUE + 1)], f"{LONGEST_VALUE} characters"),
    ],
)
def test_a_value_that_cannot_be_compared_is_refused_in_words(
    field: str, operator: str, values: list[Any], what: str
) -> None:
    said = problems(filters={field: {"conditions": {operator: values}}})

    (place,) = said
    assert place.startswith(f"parameters.filters.{field}")
    assert what in said[place]


def test_only_so_many_fields_are_filtered_by() -> None:
    filters: Document = {f"field_{n}": {} for n in range(MOST_FIELDS + 1)}

    said = problems(filters=filters)

    assert f"at most {MOST_FIELDS} fields" in said["parameters.filters"]


def test_what_is_allowed_is_listed_where_fields_are_wrong_and_only_there() -> None:
    with pytest.raises(InvalidParameters) as fields:
        read(fields=["colour"])
    with pytest.raises(InvalidParameters) as order:
        read(order="colour")

    assert fields.value.fields_allowed == tuple(OBJECTS["api_log"].fields)
    assert order.value.fields_allowed is None


@pytest.mark.parametrize("name", ["voucher", None, 7, ["api_log"]])
def test_an_object_that_is_not_exported_is_told_which_are(name: object) -> None:
    with pytest.raises(InvalidParameters, match="api_log, async_action"):
        read_parameters({"exported_object": name})


@pytest.mark.parametrize(
    "moment", ["9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z"]
)
@pytest.mark.parametrize(
    "operator", ["$before", "$after", "$more_than_equal", "$less_than_equal", "$is"]
)
def test_any_time_of_the_calendar_can_be_asked_for(operator: str, moment: str) -> None:
    parameters = filtered("created_at", operator, moment)

    assert select(parameters, "shop", NOW).match["project_id"] == "shop"


@pytest.mark.parametrize("exported", OBJECTS.values(), ids=OBJECTS)
async def test_what_is_stored_is_read_back_as_it_was(
    exported: ExportedObject,
    mongo_client: AsyncMongoClient[Document],
    database_name: str,
) -> None:
    asked: Document = {
        name: {"conditions": {"$is_unknown": list[str]()}}
        for name, kind in exported.filter_fields.items()
        if kind != "boolean"
    }
    given: Document = {
        "filters": {**dict(list(asked.items())[:MOST_FIELDS]), "junction": "OR"}
    }
    parameters = read(exported.name, **given)
    export = new_export("shop", "exp_1", parameters, "API", None, NOW, None)
    exports = mongo_client[database_name]["exports"]
    await exports.insert_one(export)
    # As the exporter stores what it was asked by an event, which may come twice.
    again = {"$setOnInsert": {**export, "_id": "shop/exp_2"}}
    await exports.update_one({"_id": "shop/exp_2"}, again, upsert=True)

    stored = await exports.find().to_list()

    assert [parameters_of(one) for one in stored] == [parameters, parameters]
