"""Exports that platform services ask for, or tell of, as the reader gets them."""

import json
from typing import Any

import pytest
from daybook.events.export import ExportRecorded, ExportRequested
from daybook.events.faults import RecordFault
from daybook.events.reading import EventReader
from daybook.events.writing import encode
from daybook.exports.parameters import InvalidParameters, read_requested
from daybook.runtime.clock import utc_now
from daybook.testing.records import FakeRecord

PARAMETERS = '{"order": "created_at", "fields": ["id", "status"]}'


@pytest.fixture
def reader() -> EventReader:
    return EventReader([ExportRequested, ExportRecorded])


def record(event: ExportRequested | ExportRecorded) -> FakeRecord:
    encoded = encode(
        event,
        id="e-1",
        source="billing/1",
        project_id="demo",
        time=utc_now(),
        sequence=1,
        traceparent=None,
    )
    return FakeRecord(encoded.value)


@pytest.mark.parametrize("unknown", [{}, {"region": "eu"}])
def test_what_is_asked_for_is_read_as_parameters(
    reader: EventReader, unknown: dict[str, Any]
) -> None:
    asked = ExportRequested(
        export_id="exp_1", exported_object="api_log", parameters=PARAMETERS
    )
    value = json.loads(record(asked).value or b"")
    sent = FakeRecord(json.dumps({**value, **unknown}).encode())

    parameters = read_requested(reader.read(sent).data)

    assert parameters.fields == ("id", "status")
    assert parameters.order == "created_at"
    assert parameters.response_format == "CSV"


def test_without_parameters_all_have_their_defaults(reader: EventReader) -> None:
    asked = ExportRequested(export_id="exp_1", exported_object="async_action")

    parameters = read_requested(reader.read(record(asked)).data)

    assert parameters.order == "-created_at"
    assert parameters.filters == {}


def test_parameters_that_cannot_be_used_say_why(reader: EventReader) -> None:
    asked = ExportRequested(
        export_id="exp_1", exported_object="api_log", parameters='{"order": "sideways"}'
    )

    with pytest.raises(InvalidParameters, match="use -created_at or created_at"):
        read_requested(reader.read(record(asked)).data)


@pytest.mark.parametrize("wrong", [{"export_id": ""}, {"export_id": 7}, {"rows": -1}])
def test_a_wrong_type_is_the_records_fault(
    reader: EventReader, wrong: dict[str, Any]
) -> None:
    made = ExportRecorded(export_id="exp_1", exported_object="voucher", rows=3)
    value = json.loads(record(made).value or b"")
    value["data"] |= wrong

    with pytest.raises(RecordFault):
        reader.read(FakeRecord(json.dumps(value).encode()))
