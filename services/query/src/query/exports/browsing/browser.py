"""Reads an export's rows out of its columnar parts."""

from collections.abc import Mapping
from typing import Any

from query.exports.browsing.slices import SingleRow, Slice


class Browser:
    """Pages of an export's rows; nothing is written, and no file leaves the server.

    ``export`` is a document of ``exports`` of the caller's own project.
    """

    async def rows(
        self,
        export: Mapping[str, Any],
        *,
        q: str | None = None,
        sort: str | None = None,
        cursor: str | None = None,
        limit: int = 25,
    ) -> Slice:
        """At most ``limit`` rows; ``sort`` is a column's name, or ``-`` and one.

        ``q`` is text that a row has in any column as it is shown, whatever its case.
        Raises :class:`InvalidFilters` (of ``q`` and ``sort``), :class:`InvalidCursor`,
        and the API's errors: 409 not to be browsed, 410 expired, 503 too many at once
        or storage away.
        """
        raise NotImplementedError

    async def row(self, export: Mapping[str, Any], number: int) -> SingleRow:
        """One row with all its text; raises the same, and 404 where there is none."""
        raise NotImplementedError
