"""New exports: stored as SCHEDULED, for the exporter to run."""

import re
from collections.abc import Callable
from typing import Final

from daybook.client import current_traceparent
from daybook.exports.parameters import Parameters
from daybook.runtime.clock import Clock
from daybook.runtime.mongo import Document
from daybook.storage.exports import new_export
from daybook.storage.times import from_ms, to_ms
from pymongo.errors import DuplicateKeyError

from query.exports.repository import Exports

API: Final = "API"
WEBSITE: Final = "WEBSITE"

_ONCE = re.compile("[0-9a-f]{32}")


class Making:
    """Makes exports. What it returns is stored with majority, Kafka or none."""

    def __init__(
        self, stored: Exports, clock: Clock, make_id: Callable[[], str]
    ) -> None:
        self._stored = stored
        self._clock = clock
        self._make_id = make_id

    def once(self) -> str:
        """What a form carries, so that it makes one export however often it is sent."""
        return self._make_id().replace("-", "")

    async def make(
        self,
        project_id: str,
        parameters: Parameters,
        *,
        channel: str,
        user_id: str | None,
        request_id: str | None,
        once: str | None = None,
    ) -> Document:
        """A new export; ``user_id`` is who asked for it, where a person did.

        ``once``: what :meth:`once` said. The second time it is the first one's export.
        """
        if once is None or _ONCE.fullmatch(once) is None:
            once = self.once()
        export = new_export(
            project_id,
            f"exp_{once}",
            parameters,
            channel,
            user_id,
            # As the database holds it, so that this answer and later ones are the same.
            from_ms(to_ms(self._clock())),
            request_id,
            current_traceparent(),
        )
        try:
            await self._stored.add(export)
        except DuplicateKeyError:
            return await self._stored.find(project_id, export["id"])
        return export
