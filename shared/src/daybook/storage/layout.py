"""The whole database: every collection, its indexes, its shard key.

Services make what their own collections miss; ``daybook admin init`` makes all of it.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from pymongo import IndexModel
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import CollectionInvalid

from daybook.storage import collections as names
from daybook.storage.commands import COMMAND_INDEXES
from daybook.storage.control_plane import (
    API_KEY_INDEXES,
    IMPORT_FILE_INDEXES,
    WEBHOOK_ENDPOINT_INDEXES,
)
from daybook.storage.exports import EXPORT_INDEXES
from daybook.storage.indexes import Difference, index_differences
from daybook.storage.logs import log_indexes
from daybook.storage.sendouts import sendout_indexes
from daybook.storage.task_events import task_event_indexes
from daybook.storage.tasks import FAILED_ROW_INDEXES, TASK_INDEXES
from daybook.storage.webhook_events import webhook_event_indexes

Document = dict[str, Any]

# A project's documents spread over all shards, and one of them is found on its own.
SHARD_KEY: Final[Mapping[str, int | str]] = {"project_id": 1, "_id": "hashed"}


@dataclass(frozen=True, slots=True)
class Kept:
    """One collection. What has no shard key stays on the database's first shard."""

    name: str
    indexes: Sequence[IndexModel] = ()
    shard_key: Mapping[str, int | str] | None = None


def layout(tiers: Mapping[str, timedelta]) -> tuple[Kept, ...]:
    """Every collection, as these tiers make them."""
    return (
        # What grows with the platform's requests is spread over the shards.
        Kept(names.LOGS, log_indexes(tiers), SHARD_KEY),
        Kept(names.TASK_EVENTS, task_event_indexes(tiers), SHARD_KEY),
        Kept(names.WEBHOOK_EVENTS, webhook_event_indexes(tiers), SHARD_KEY),
        Kept(names.SENDOUTS, sendout_indexes(tiers), SHARD_KEY),
        # Upserts by _id alone, which a cluster aims at a shard by _id alone.
        Kept(names.TASKS, TASK_INDEXES, {"_id": "hashed"}),
        Kept(names.TASK_FAILED_ROWS, FAILED_ROW_INDEXES, {"_id": "hashed"}),
        Kept(names.EXPORTS, EXPORT_INDEXES),
        Kept(names.EXPORT_SLOTS),
        Kept(names.COMMANDS, COMMAND_INDEXES),
        Kept(names.API_KEYS, API_KEY_INDEXES),
        Kept(names.PROJECTS),
        Kept(names.IMPORT_FILES, IMPORT_FILE_INDEXES),
        Kept(names.WEBHOOK_ENDPOINTS, WEBHOOK_ENDPOINT_INDEXES),
        Kept(names.ENDPOINT_HEALTH),
        Kept(names.SLOTS),
        Kept(names.WATERMARKS),
    )


async def database_differences(
    database: AsyncDatabase[Document], wanted: Sequence[Kept]
) -> list[Difference]:
    """All that is missing or other than wanted, in the order in which to mend it."""
    there = set(await database.list_collection_names())
    keys = await _shard_keys(database)
    found: list[Difference] = []
    for kept in wanted:
        if kept.name not in there:
            found.append(_missing(database, kept.name))
        if keys is not None and kept.shard_key is not None:
            found += _sharding(database, kept, keys.get(kept.name))
        found += await index_differences(database[kept.name], kept.indexes)
    return found


def _missing(database: AsyncDatabase[Document], name: str) -> Difference:
    async def make() -> None:
        # A service that starts meanwhile may be first.
        with suppress(CollectionInvalid):
            await database.create_collection(name)

    return Difference(f"the collection {name} is missing", make)


async def _shard_keys(database: AsyncDatabase[Document]) -> Mapping[str, Any] | None:
    """The shard key of each sharded collection; None where nothing can be sharded."""
    client = database.client
    if (await client.admin.command("hello")).get("msg") != "isdbgrid":
        return None
    prefix = f"{database.name}."
    sharded = client["config"]["collections"].find({"key": {"$exists": True}})
    return {
        one["_id"].removeprefix(prefix): one["key"]
        async for one in sharded
        if one["_id"].startswith(prefix)
    }


def _sharding(
    database: AsyncDatabase[Document], kept: Kept, key: Mapping[str, Any] | None
) -> list[Difference]:
    wanted = kept.shard_key
    if wanted is None or key is not None:
        # Another key was somebody's decision; a collection is not sharded anew by us.
        return []

    async def shard() -> None:
        # One that holds documents already needs an index of the key first.
        await database[kept.name].create_index(list(wanted.items()))
        await database.client.admin.command(
            "shardCollection", f"{database.name}.{kept.name}", key=dict(wanted)
        )

    return [Difference(f"the collection {kept.name} is not sharded", shard)]
