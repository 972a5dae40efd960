"""Tasks as query reads them: one by its id, or a page of a list within its time."""

from daybook.runtime.clock import Stopwatch
from daybook.runtime.mongo import Document
from daybook.storage.collections import TASKS
from pymongo.asynchronous.database import AsyncDatabase

from query.reads import Source

# ``fold`` is the tracker's own, and of any size.
_SHOWN = {"fold": 0, "refs": 0}


class Tasks(Source):
    """Reads the ``tasks`` collection and writes nothing.

    A task's ``created_at`` may move back while its events arrive. A list that is being
    paged through may then show it twice; it never leaves it out.
    """

    def __init__(self, database: AsyncDatabase[Document], stopwatch: Stopwatch) -> None:
        super().__init__(database[TASKS], _SHOWN, stopwatch)

    async def task(self, project_id: str, task_id: str) -> Document | None:
        """One task; TimeoutError when nothing answers."""
        return await self.get(project_id, task_id, _SHOWN)
