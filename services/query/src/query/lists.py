"""One list of logs, as the API and the page ask for it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from daybook.runtime.clock import Clock
from daybook.runtime.mongo import Document

from query.cursors import Cursor, read_cursor, write_cursor
from query.filters import Filters, Window
from query.plans import plan
from query.repository import Logs

# Past the list's own time the database is not slow but silent.
_SILENCE = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class LogList:
    """A page of a list; ``searched_until`` is set where its time ran out."""

    logs: Sequence[Document]
    window: Window
    next_cursor: str | None
    searched_until: int | None


class LogLists:
    """Reads lists of logs: window, plan, page, cursor."""

    def __init__(self, logs: Logs, clock: Clock, budget: timedelta) -> None:
        self._logs = logs
        self._clock = clock
        self._budget = budget

    async def page(
        self,
        project_id: str,
        filters: Filters,
        *,
        cursor_text: str | None,
        limit: int,
        default_window: timedelta | None,
    ) -> LogList:
        """One page; raises InvalidCursor, and TimeoutError when nothing answers."""
        cursor: Cursor | None = None
        if cursor_text is not None:
            cursor = read_cursor(cursor_text, project_id, filters)
            window = cursor.window
        else:
            window = filters.effective_window(self._clock(), default_window)
        chosen = plan(filters)
        if chosen is None:
            return LogList((), window, None, None)
        async with asyncio.timeout((self._budget + _SILENCE).total_seconds()):
            page = await self._logs.page(
                project_id,
                chosen,
                window,
                cursor=cursor,
                limit=limit,
                budget=self._budget,
            )
        text = None
        if page.next is not None:
            following = Cursor(page.next, window, page.span)
            text = write_cursor(following, project_id, filters)
        return LogList(page.logs, window, text, page.searched_until)
