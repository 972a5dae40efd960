"""Whether a request caused tasks that its log does not name."""

from datetime import datetime

from daybook.runtime.mongo import Document
from daybook.storage.collections import TASKS
from daybook.storage.refs import ref
from daybook.storage.tasks import TASKS_BY_REF
from daybook.storage.times import hour_of, to_ms
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ExecutionTimeout

# A request's tasks begin with it: its hour, a day of waiting, an hour of clocks apart.
_HOURS_BEFORE, _HOURS_AFTER = 1, 24
# A link beside a log is worth no more of its time.
_MOST_MS = 300


class Causes:
    """Reads the ``tasks`` collection and writes nothing."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._tasks = database[TASKS]

    async def any_of(self, project_id: str, request_id: str, at: datetime) -> bool:
        """Whether a task names the request of ``at``; False where that takes long."""
        hour = hour_of(to_ms(at))
        try:
            found = await self._tasks.find_one(
                {
                    "project_id": project_id,
                    "hour": {"$gte": hour - _HOURS_BEFORE, "$lte": hour + _HOURS_AFTER},
                    "refs": ref("request", request_id),
                },
                {"_id": 1},
                hint=TASKS_BY_REF,
                max_time_ms=_MOST_MS,
            )
        except ExecutionTimeout:
            return False
        return found is not None
