"""The MongoDB client as every service makes it."""

from typing import Any

from pymongo import AsyncMongoClient, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WriteConcernError,
)

Document = dict[str, Any]

# What was answered survives the loss of a member and a power cut.
DURABLE = WriteConcern(w="majority", j=True)

_UNAVAILABLE = (
    ConnectionFailure,  # with NotPrimaryError and AutoReconnect
    ExecutionTimeout,
    NetworkTimeout,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WriteConcernError,
)
# Server codes that a wait may cure: elections, shutdowns, interruptions, time limits,
# locks, write concerns, a full disk …
_UNAVAILABLE_CODES = frozenset(
    {6, 7, 24, 46, 50, 64, 79, 89, 91, 100, 112, 134, 189, 202, 262, 317, 358, 384}
    | {402, 9001, 10058, 10107, 11600, 11601, 11602, 13388, 13435, 13436, 14031, 46841}
    # … and credentials, which an operator cures: no document is to blame for them.
    | {13, 18, 391, 8000}
)


def connect(uri: str, *, app_name: str) -> AsyncMongoClient[Document]:
    """A client for one event loop; it connects on first use and retries writes once."""
    return AsyncMongoClient(
        uri,
        appname=app_name,
        tz_aware=True,
        # A database that is away is noticed within seconds; callers wait and go on.
        serverSelectionTimeoutMS=5_000,
        connectTimeoutMS=5_000,
        socketTimeoutMS=60_000,
    )


def durable(database: AsyncDatabase[Document]) -> AsyncDatabase[Document]:
    """The same database, whose writes are answered once a majority has journaled."""
    return database.with_options(write_concern=DURABLE)


def is_unavailable(error: PyMongoError) -> bool:
    """Whether waiting helps: the database is away, electing, overloaded or full.

    Everything else is a fault of what was sent. A bulk write of which some was refused
    for such a reason counts: repeat it whole.
    """
    if isinstance(error, _UNAVAILABLE):
        return True
    if isinstance(error, BulkWriteError):
        # A server that shuts down stores the writes and cannot say how safely.
        details: Any = error.details
        refusals = details.get("writeErrors", ())
        return bool(details.get("writeConcernErrors")) or any(
            is_unavailable_code(refusal["code"]) for refusal in refusals
        )
    return isinstance(error, OperationFailure) and is_unavailable_code(error.code)


def is_unavailable_code(code: int | None) -> bool:
    """The same, of a server's error code."""
    return code in _UNAVAILABLE_CODES
