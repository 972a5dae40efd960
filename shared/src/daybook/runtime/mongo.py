"""The MongoDB client as every service makes it."""

from typing import Any

from pymongo import AsyncMongoClient, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
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
# Server codes that a wait may cure: not primary, stepping down, shutting down,
# interrupted, exceeded time limit, write concern failures, read concern not available.
_UNAVAILABLE_CODES = frozenset(
    {6, 7, 50, 64, 79, 89, 91, 100, 112, 134, 189, 262, 317, 358, 384, 402, 9001}
    | {10058, 10107, 11600, 11601, 11602, 13388, 13435, 13436, 14031, 46841}
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

    Everything else is a fault of what was sent.
    """
    if isinstance(error, _UNAVAILABLE):
        return True
    return isinstance(error, OperationFailure) and error.code in _UNAVAILABLE_CODES
