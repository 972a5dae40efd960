"""Retention tiers: how long documents are kept, one partial TTL index a tier."""

import re
from collections.abc import Mapping
from datetime import timedelta

from pymongo import IndexModel

DEFAULT_TIERS = "shared=180d,dedicated=365d"
_NAME = re.compile(r"[a-z0-9_-]{1,32}")
_DURATION = re.compile(r"([0-9]{1,9})([smhd])")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# MongoDB refuses a TTL beyond this many seconds.
_LONGEST_SECONDS = 2**31 - 1
_TTL_PREFIX = "ttl_"


class InvalidTiers(ValueError):
    """The retention tiers are not of the form NAME=DURATION[,NAME=DURATION…]."""

    def __init__(self, item: str) -> None:
        self.item = item
        super().__init__(
            f"cannot read the tier {item!r}: write NAME=DURATION, for example "
            f"{DEFAULT_TIERS!r}; a duration is a number and s, m, h or d"
        )


def parse_tiers(text: str) -> dict[str, timedelta]:
    """Read ``shared=180d,dedicated=365d``; the first one named is the default."""
    tiers: dict[str, timedelta] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, duration = item.partition("=")
        match = _DURATION.fullmatch(duration.strip())
        name = name.strip()
        if match is None or not _NAME.fullmatch(name) or name in tiers:
            raise InvalidTiers(item)
        seconds = int(match[1]) * _UNIT_SECONDS[match[2]]
        if not 0 < seconds <= _LONGEST_SECONDS:
            raise InvalidTiers(item)
        tiers[name] = timedelta(seconds=seconds)
    if not tiers:
        raise InvalidTiers(text)
    return tiers


def ttl_index_name(tier: str) -> str:
    """The name of the TTL index that expires one tier's documents."""
    return f"{_TTL_PREFIX}{tier}"


def ttl_indexes(
    tiers: Mapping[str, timedelta], *, of: str = "received_at"
) -> tuple[IndexModel, ...]:
    """Every tier's TTL index on the time ``of``.

    A tier that is no longer configured keeps its index, so that its documents still
    expire.
    """
    return tuple(
        IndexModel(
            [(of, 1)],
            name=ttl_index_name(tier),
            expireAfterSeconds=int(kept.total_seconds()),
            partialFilterExpression={"tier": tier},
        )
        for tier, kept in tiers.items()
    )
