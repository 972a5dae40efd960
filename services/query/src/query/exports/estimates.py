"""How many rows an export would have, counted within a bound."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from daybook.exports.conditions import Selection, select
from daybook.exports.objects import ATTEMPTS, OBJECTS
from daybook.exports.parameters import Parameters
from daybook.runtime.clock import Clock, Stopwatch
from daybook.runtime.mongo import Document
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ExecutionTimeout

from query.reads import whole_ms

# Somebody looks at a dialog meanwhile.
BUDGET: Final = timedelta(seconds=1)
# Counted up to each of these first, so that there is something to say where all of
# them take too long; together they cost a fraction of the whole.
_STEPS: Final = (1_000, 30_000, None)


@dataclass(frozen=True, slots=True)
class Estimate:
    """So many rows; ``at_least``: there may be more, and nothing is known of 0."""

    rows: int
    at_least: bool


class Estimates:
    """Counts what exports would select. Nothing is written."""

    def __init__(
        self,
        database: AsyncDatabase[Document],
        clock: Clock,
        stopwatch: Stopwatch,
        budget: timedelta = BUDGET,
    ) -> None:
        self._database = database
        self._clock = clock
        self._stopwatch = stopwatch
        self._budget = budget

    async def of(self, project_id: str, parameters: Parameters) -> Estimate:
        """The rows of an export that would be made now, within the budget."""
        collection = self._database[OBJECTS[parameters.exported_object].collection]
        selection = select(parameters, project_id, self._clock())
        deadline = self._stopwatch() + self._budget.total_seconds()
        known = 0
        for most in _STEPS:
            left = deadline - self._stopwatch()
            if left <= 0:
                break
            try:
                async with await collection.aggregate(
                    _counting(parameters, selection, most),
                    hint=selection.index,
                    maxTimeMS=whole_ms(left),
                ) as counted:
                    found = await counted.to_list()
            except ExecutionTimeout:
                break
            known = found[0]["n"] if found else 0
            if most is None or known < most:
                return Estimate(known, at_least=False)
        return Estimate(known, at_least=True)


def _counting(
    parameters: Parameters, selection: Selection, most: int | None
) -> list[Document]:
    stages: list[Document] = [{"$match": _walked(selection)}]
    if parameters.exported_object == "webhook_attempt":
        stages.append({"$unwind": f"${ATTEMPTS}"})
    if selection.attempts:
        stages.append({"$match": selection.attempts})
    if most is not None:
        stages.append({"$limit": most})
    return [*stages, {"$count": "n"}]


def _walked(selection: Selection) -> Mapping[str, Any]:
    # What was received in the last moment is counted too: to leave it out, every
    # document would have to be fetched.
    match = {
        name: one for name, one in selection.match.items() if name != "received_at"
    }
    if selection.refs is None:
        return match
    walks = [{"$and": [{"refs": one}, match]} for one in selection.refs]
    return walks[0] if len(walks) == 1 else {"$or": walks}
