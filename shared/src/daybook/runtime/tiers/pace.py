"""How fast a move of tier goes: bounded, but ahead of what is about to expire."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from daybook.runtime.mongo import Document
from daybook.storage.tier_walks import TierWalk

# A document that needs no stamp costs its part of a read alone.
READS_PER_STAMP: Final = 10
# What its former tier expires by then is stamped without a pause.
IN_TIME: Final = timedelta(hours=1)


class Pace:
    """How long a batch has to take at least.

    ``tiers`` are how long each keeps its documents.
    """

    def __init__(self, per_second: int, tiers: Mapping[str, timedelta]) -> None:
        self._per_second = per_second
        self._tiers = tiers

    def seconds(
        self, walk: TierWalk, stale: list[Document], seen: int, now: datetime
    ) -> float:
        """The same, of ``seen`` documents of which ``stale`` had another tier.

        Nothing where one of them would have expired soon: with the documents in order
        of their age, the move is then always ahead of what expires.
        """
        if any(self._expires_soon(walk, document, now) for document in stale):
            return 0.0
        read = (seen - len(stale)) / READS_PER_STAMP
        return (len(stale) + read) / self._per_second

    def _expires_soon(self, walk: TierWalk, document: Document, now: datetime) -> bool:
        since: datetime | None = document.get(walk.expires_by)
        kept = self._tiers.get(document["tier"])
        if since is None:
            return False
        # Of a tier that is no longer configured nobody knows how long it keeps.
        return kept is None or since + kept - now < IN_TIME
