"""Which errors of the database are waited for."""

import pytest
from daybook.runtime.mongo import is_unavailable
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

SHUTTING_DOWN = 91
DUPLICATE_KEY = 11000


def bulk_error(
    refusals: list[int] | None = None, concerns: list[int] | None = None
) -> BulkWriteError:
    return BulkWriteError(
        {
            "writeErrors": [{"index": 0, "code": code} for code in refusals or ()],
            "writeConcernErrors": [{"code": code} for code in concerns or ()],
        }
    )


@pytest.mark.parametrize(
    "error",
    [
        OperationFailure("shutting down", SHUTTING_DOWN),
        bulk_error(concerns=[SHUTTING_DOWN]),
        bulk_error(refusals=[SHUTTING_DOWN]),
        bulk_error(refusals=[DUPLICATE_KEY], concerns=[SHUTTING_DOWN]),
    ],
)
def test_a_server_that_shuts_down_is_waited_for(error: PyMongoError) -> None:
    assert is_unavailable(error)


@pytest.mark.parametrize(
    "error",
    [OperationFailure("duplicate", DUPLICATE_KEY), bulk_error([DUPLICATE_KEY])],
)
def test_what_a_document_is_to_blame_for_is_not(error: PyMongoError) -> None:
    assert not is_unavailable(error)
