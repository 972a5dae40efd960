"""Which reader an export has, and how many rows it is expected to have."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

from daybook.exports.conditions import Selection
from daybook.runtime.mongo import Document
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from exporter.reading.stretches import Order, conditions
from exporter.rows import ATTEMPTS, HISTORY

log = logging.getLogger(__name__)

_UP = Order(up=True)
_RECEIVED = "received_at"


def order_of(order: str) -> Order:
    """``created_at`` or ``-created_at``."""
    return Order(up=not order.startswith("-"))


async def expected_rows(
    collection: AsyncCollection[Document],
    exported_object: str,
    selection: Selection,
    within: timedelta,
) -> int | None:
    """How many rows there will be, about; None where counting takes too long.

    What was received after the export's creation is counted too: leaving it out would
    fetch every document for a handful.
    """
    (asked,) = conditions(_countable(selection), _UP, None)
    stages: list[dict[str, Any]] = [{"$match": asked}]
    if exported_object == ATTEMPTS and selection.attempts:
        unwound: dict[str, Any] = {"$unwind": f"${HISTORY}"}
        stages += [unwound, {"$match": selection.attempts}, {"$count": "n"}]
    elif exported_object == ATTEMPTS:
        stages.append({"$project": {"n": {"$size": f"${HISTORY}"}}})
        stages.append({"$group": {"_id": None, "n": {"$sum": "$n"}}})
    else:
        stages.append({"$count": "n"})
    try:
        async with await collection.aggregate(
            stages,
            hint=selection.index,
            maxTimeMS=int(within.total_seconds() * 1000),
        ) as counted:
            found = await counted.to_list()
            return found[0]["n"] if found else 0
    except PyMongoError as error:
        log.info("the rows of an export are not counted: %s", str(error)[:200])
        return None


def _countable(selection: Selection) -> Selection:
    match = {name: one for name, one in selection.match.items() if name != _RECEIVED}
    return replace(selection, match=match)
