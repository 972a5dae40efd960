"""New exports: stored as SCHEDULED, for the exporter to run."""

from collections.abc import Callable
from typing import Final

from daybook.exports.parameters import Parameters
from daybook.runtime.clock import Clock
from daybook.runtime.mongo import Document
from daybook.storage.exports import new_export
from daybook.storage.times import from_ms, to_ms

from query.exports.repository import Exports

API: Final = "API"
WEBSITE: Final = "WEBSITE"


class Making:
    """Makes exports. What it returns is stored with majority, Kafka or none."""

    def __init__(
        self, stored: Exports, clock: Clock, make_id: Callable[[], str]
    ) -> None:
        self._stored = stored
        self._clock = clock
        self._make_id = make_id

    async def make(
        self,
        project_id: str,
        parameters: Parameters,
        *,
        channel: str,
        user_id: str | None,
        request_id: str | None,
    ) -> Document:
        """A new export; ``user_id`` is who asked for it, where a person did."""
        export = new_export(
            project_id,
            f"exp_{self._make_id().replace('-', '')}",
            parameters,
            channel,
            user_id,
            # As the database holds it, so that this answer and later ones are the same.
            from_ms(to_ms(self._clock())),
            request_id,
        )
        await self._stored.add(export)
        return export
