"""One page of a list, as the API and the pages ask for it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from daybook.runtime.clock import Clock
from daybook.runtime.mongo import Document

from query.cursors import Cursor, read_cursor, write_cursor
from query.filters import Filters, Window
from query.plans import Plan
from query.search import Page

# Past the list's own time the database is not slow but silent.
_SILENCE = timedelta(seconds=3)


class Pages(Protocol):
    """What is listed."""

    async def page(
        self,
        project_id: str,
        plan: Plan,
        window: Window,
        *,
        cursor: Cursor | None,
        limit: int,
        budget: timedelta,
    ) -> Page: ...


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a list; ``searched_until`` is set where its time ran out."""

    rows: Sequence[Document]
    window: Window
    next_cursor: str | None
    searched_until: int | None


@dataclass(frozen=True, slots=True)
class Slice:
    """A page of what belongs to one thing: there is no window, and no budget to end."""

    rows: Sequence[Document]
    next_cursor: str | None


class Lists:
    """Reads pages of one kind of list: window, plan, page, cursor."""

    def __init__(
        self,
        name: str,
        pages: Pages,
        plan: Callable[[Filters], Plan | None],
        clock: Clock,
        budget: timedelta,
    ) -> None:
        self._name = name
        self._pages = pages
        self._plan = plan
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
    ) -> Listed:
        """One page; raises InvalidCursor, and TimeoutError when nothing answers."""
        cursor: Cursor | None = None
        if cursor_text is not None:
            cursor = read_cursor(cursor_text, self._name, project_id, filters)
            window = cursor.window
        else:
            window = filters.effective_window(self._clock(), default_window)
        chosen = self._plan(filters)
        if chosen is None:
            return Listed((), window, None, None)
        async with asyncio.timeout((self._budget + _SILENCE).total_seconds()):
            page = await self._pages.page(
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
            text = write_cursor(following, self._name, project_id, filters)
        return Listed(page.rows, window, text, page.searched_until)
