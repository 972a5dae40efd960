"""Which tier a project's documents are kept in."""

import asyncio
import logging
from collections.abc import Mapping

from pymongo import ReadPreference
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from daybook.runtime.mongo import Document

log = logging.getLogger(__name__)

READ_WITHIN_S = 5.0


class ProjectTiers:
    """All projects' tiers, read anew every few seconds.

    A project that nobody created, or whose tier is not configured, has the default.
    """

    def __init__(
        self, projects: AsyncCollection[Document], tiers: Mapping[str, object]
    ) -> None:
        # A secondary may not have heard of a move yet.
        self._projects = projects.with_options(read_preference=ReadPreference.PRIMARY)
        self._tiers = tiers
        self._default = next(iter(tiers))
        self._of: dict[str, str] = {}

    def tier_of(self, project_id: str) -> str:
        """The tier as last read."""
        return self._of.get(project_id, self._default)

    async def refresh(self) -> None:
        """Read all tiers; where the database is away, those last read stand."""
        try:
            # A read that hangs would keep what is known for as long as that.
            async with asyncio.timeout(READ_WITHIN_S):
                found = [
                    (project["_id"], project.get("tier"))
                    async for project in self._projects.find({}, {"tier": 1})
                ]
        except (PyMongoError, TimeoutError) as error:
            log.warning("cannot read the projects' tiers: %s", str(error)[:200])
            return
        self._of = {
            project: tier for project, tier in found if tier and tier in self._tiers
        }
