"""Indexes as this version wants them, beside those that are there.

One list of differences serves all: services make what is missing when they start, and
``daybook admin init`` mends the rest too, or only tells of it.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import IndexModel
from pymongo.asynchronous.collection import AsyncCollection

log = logging.getLogger(__name__)

_TTL = "expireAfterSeconds"
# Of an index's document, what says how it was made and not what it does.
_INCIDENTAL = ("v", "ns", "background", "name")


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as wanted, in words, and what mends it.

    ``gentle``: mending it takes nothing away that somebody may be using.
    """

    what: str
    mend: Callable[[], Awaitable[None]]
    gentle: bool = True


async def index_differences(
    collection: AsyncCollection[dict[str, Any]], wanted: Sequence[IndexModel]
) -> list[Difference]:
    """What is missing or other than wanted; indexes that nobody wants are let be."""
    there = await _there(collection)
    found = (_difference(collection, model, there) for model in wanted)
    return [one for one in found if one is not None]


async def ensure_indexes(
    collection: AsyncCollection[dict[str, Any]], wanted: Sequence[IndexModel]
) -> None:
    """Make what is missing and apply changed durations; safe to repeat.

    An index that is otherwise than wanted stays, and is told of: another version of
    the service may be using it.
    """
    for one in await index_differences(collection, wanted):
        if one.gentle:
            await one.mend()
        else:
            log.warning("%s: `daybook admin init` mends it", one.what)


def _difference(
    collection: AsyncCollection[dict[str, Any]],
    model: IndexModel,
    there: Sequence[Mapping[str, Any]],
) -> Difference | None:
    wanted: Mapping[str, Any] = model.document
    name: str = wanted["name"]
    called = f"{collection.name}: the index {name}"

    async def make() -> None:
        await collection.create_indexes([model])

    async def replace() -> None:
        # Not both at once: the server takes no second index of the same keys. Asked
        # anew: what was mended before may have had the name, or been this under it.
        for one in await _there(collection):
            if one["name"] == name or _same(one, wanted, but=_TTL):
                await collection.drop_index(one["name"])
        await make()

    async def apply_duration() -> None:
        changed = {"name": name, _TTL: wanted[_TTL]}
        await collection.database.command("collMod", collection.name, index=changed)

    named = next((one for one in there if one["name"] == name), None)
    if named is None:
        twin = next((one for one in there if _same(one, wanted, but=_TTL)), None)
        if twin is None:
            return Difference(f"{called} is missing", make)
        other: str = twin["name"]
        what = f"{called} is there under the name {other}"
        return Difference(what, replace, gentle=False)
    if _same(named, wanted):
        return None
    if _TTL in named and _TTL in wanted and _same(named, wanted, but=_TTL):
        what = f"{called} expires after {int(named[_TTL])} s and not {wanted[_TTL]} s"
        return Difference(what, apply_duration)
    what = f"{called} has other keys or options: {_plain(named)}"
    return Difference(what, replace, gentle=False)


async def _there(collection: AsyncCollection[dict[str, Any]]) -> list[dict[str, Any]]:
    """The indexes; without the collation of the collection, which each of them has."""
    own = (await collection.options()).get("collation")
    found = [dict(index) async for index in await collection.list_indexes()]
    for index in found:
        if own is not None and index.get("collation") == own:
            del index["collation"]
    return found


def _same(there: Mapping[str, Any], wanted: Mapping[str, Any], but: str = "") -> bool:
    first, second = _plain(there), _plain(wanted)
    first.pop(but, None)
    second.pop(but, None)
    return first == second


def _plain(index: Mapping[str, Any]) -> dict[str, Any]:
    """What the index does; the keys as a list, since their order counts."""
    plain = {name: value for name, value in index.items() if name not in _INCIDENTAL}
    return plain | {"key": list(index["key"].items())}
