"""Logs as query reads them: one by its id, or a page of a list within its time."""

from daybook.runtime.clock import Stopwatch
from daybook.runtime.mongo import Document
from daybook.storage.collections import LOGS
from pymongo.asynchronous.database import AsyncDatabase

from query.reads import Source

LIST_FIELDS = {
    "request.headers": 0,
    "request.body": 0,
    "response.headers": 0,
    "response.body": 0,
    "refs": 0,
    "extra": 0,
}


class Logs(Source):
    """Reads the ``logs`` collection and writes nothing.

    A list leaves out the headers and bodies of both sides.
    """

    def __init__(self, database: AsyncDatabase[Document], stopwatch: Stopwatch) -> None:
        super().__init__(database[LOGS], LIST_FIELDS, stopwatch)
