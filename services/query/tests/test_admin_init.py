"""`daybook admin init` against a database of the test's own making."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result
from daybook.storage.layout import SHARD_KEY, database_differences, layout
from daybook.storage.logs import BY_REF, BY_TIME, FAILURES_BY_TIME
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from query.commands import admin

Database = Any


@pytest.fixture
def database(
    monkeypatch: pytest.MonkeyPatch, mongodb_uri: str, database_name: str
) -> Iterator[Database]:
    monkeypatch.setenv("MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("DAYBOOK_MONGODB_DATABASE", database_name)
    monkeypatch.setenv("DAYBOOK_TIERS", "shared=180d,dedicated=365d")
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        yield client[database_name]


def init(*arguments: str) -> Result:
    return CliRunner().invoke(admin, ["init", *arguments])


def indexes(database: Database) -> dict[str, Any]:
    return {
        name: database[name].index_information()
        for name in database.list_collection_names()
    }


def test_what_is_missing_is_made_once_and_check_changes_nothing(
    database: Database,
) -> None:
    told = init("--check", "--no-topics")
    assert (told.exit_code, database.list_collection_names()) == (1, [])
    assert "the collection logs is missing" in told.output

    made = init("--no-topics")
    there = indexes(database)
    again = init("--no-topics")

    assert (made.exit_code, again.exit_code, again.output) == (0, 0, "")
    assert indexes(database) == there
    assert set(there) == {kept.name for kept in layout({})}
    assert there["logs"]["ttl_dedicated"]["expireAfterSeconds"] == 365 * 86_400
    checked = init("--check", "--no-topics")
    assert (checked.exit_code, checked.output) == (0, "")


def test_an_older_layout_is_mended_and_keeps_its_documents(database: Database) -> None:
    logs = database["logs"]
    logs.insert_many([{"_id": f"p/{n}", "project_id": "p"} for n in range(100)])
    # Other keys, another filter, another name for the same, another duration, and
    # two that are somebody's own.
    logs.create_index([("project_id", 1), ("created_at", -1)], name=BY_TIME)
    logs.create_index(
        [("project_id", 1), ("created_at", -1), ("_id", -1)],
        name=FAILURES_BY_TIME,
        partialFilterExpression={"status_code": {"$gte": 400}},
    )
    logs.create_index(
        [
            ("project_id", 1),
            ("hour", -1),
            ("refs", 1),
            ("created_at", -1),
            ("_id", -1),
        ],
        name="refs_of_old",
    )
    for name, seconds in (("shared", 60 * 86_400), ("gone", 86_400)):
        logs.create_index(
            "received_at",
            name=f"ttl_{name}",
            expireAfterSeconds=seconds,
            partialFilterExpression={"tier": name},
        )
    logs.create_index("url", name="somebodys_own")

    told = init("--check", "--no-topics").output
    mended = init("--no-topics")

    assert f"logs: the index {BY_TIME} has other keys or options" in told
    assert f"logs: the index {FAILURES_BY_TIME} has other keys or options" in told
    assert f"logs: the index {BY_REF} is there under the name refs_of_old" in told
    assert "ttl_shared expires after 5184000 s and not 15552000 s" in told
    assert mended.exit_code == 0
    checked = init("--check", "--no-topics")
    assert (checked.exit_code, checked.output) == (0, "")
    there = logs.index_information()
    assert logs.count_documents({}) == 100
    assert there["ttl_shared"]["expireAfterSeconds"] == 180 * 86_400
    assert there["ttl_gone"]["expireAfterSeconds"] == 86_400
    assert "somebodys_own" in there
    assert "refs_of_old" not in there


def test_indexes_that_have_each_others_names_are_mended_at_once(
    database: Database,
) -> None:
    init("--no-topics")
    logs = database["logs"]
    wanted = logs.index_information()
    for name in (BY_TIME, BY_REF):
        logs.drop_index(name)
    for name, other in ((BY_TIME, BY_REF), (BY_REF, BY_TIME)):
        options = {
            key: wanted[other][key] for key in wanted[other].keys() - {"key", "v"}
        }
        logs.create_index(wanted[other]["key"], name=name, **options)

    mended = init("--no-topics")

    assert mended.exit_code == 0, mended.output
    assert logs.index_information() == wanted
    checked = init("--check", "--no-topics")
    assert (checked.exit_code, checked.output) == (0, "")


def test_an_index_of_another_kind_is_made_anew_and_a_missing_one_alone_is_made(
    database: Database,
) -> None:
    init("--no-topics")
    logs = database["logs"]
    wanted = logs.index_information()
    # One that expired nothing, one that was dropped by hand.
    logs.drop_index("ttl_shared")
    logs.create_index("received_at", name="ttl_shared")
    logs.drop_index(BY_REF)

    told = init("--check", "--no-topics").output.splitlines()
    mended = init("--no-topics")

    assert [line.partition(":")[0] for line in told] == ["logs", "logs"]
    assert f"logs: the index {BY_REF} is missing" in told
    assert mended.exit_code == 0, mended.output
    assert logs.index_information() == wanted
    assert init("--no-topics").output == ""


def test_a_collection_with_options_of_its_own_keeps_them(database: Database) -> None:
    own = {
        "collation": {"locale": "en", "strength": 2},
        "storageEngine": {"wiredTiger": {"configString": "block_compressor=zstd"}},
        "validator": {"project_id": {"$type": "string"}},
    }
    logs = database.create_collection("logs", **own)
    logs.insert_one({"_id": "p/1", "project_id": "p"})
    before = logs.options()

    made = init("--no-topics")
    again = init("--no-topics")

    assert made.exit_code == 0, made.output
    assert again.output == ""
    assert logs.options() == before
    assert logs.count_documents({}) == 1


class Cluster:
    """As much of a sharded cluster's router as the layout asks; keeps commands."""

    def __init__(self, database: Any, sharded: list[dict[str, Any]]) -> None:
        self._database = database
        self.name = database.name
        self.admin = self
        self.client = self
        self.commands: list[tuple[str, str, dict[str, Any]]] = []
        self._sharded = sharded

    def __getitem__(self, name: str) -> Any:
        return {"collections": self} if name == "config" else self._database[name]

    async def list_collection_names(self) -> list[str]:
        return await self._database.list_collection_names()

    async def create_collection(self, name: str) -> None:
        await self._database.create_collection(name)

    async def command(self, name: str, value: str = "", **more: Any) -> dict[str, Any]:
        if name == "hello":
            return {"msg": "isdbgrid"}
        self.commands.append((name, value, more["key"]))
        return {}

    async def find(self, query: Any) -> Any:
        del query
        for one in self._sharded:
            yield one


async def test_on_a_sharded_cluster_what_grows_is_sharded_and_nothing_anew(
    mongo_client: Any, database_name: str
) -> None:
    # No router is at hand: this holds what would be said to one.
    sharded = [{"_id": f"{database_name}.sendouts", "key": {"project_id": 1}}]
    cluster: Any = Cluster(mongo_client[database_name], sharded)
    wanted = layout({"shared": timedelta(days=180)})

    for one in await database_differences(cluster, wanted):
        await one.mend()

    assert ("shardCollection", f"{database_name}.logs", dict(SHARD_KEY)) in (
        cluster.commands
    )
    assert {value for _, value, _ in cluster.commands} == {
        f"{database_name}.{name}"
        for name in ("logs", "task_events", "webhook_events", "tasks")
    } | {f"{database_name}.task_failed_rows"}


async def test_a_service_starts_beside_an_index_of_another_version(
    mongo_client: Any, database_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    from daybook.storage.logs import ensure_logs

    logs = mongo_client[database_name]["logs"]
    await logs.create_index([("project_id", 1)], name=BY_TIME)

    try:
        await ensure_logs(logs, {"shared": timedelta(days=180)})
    except OperationFailure as error:
        pytest.fail(f"the service would not start: {error}")

    there = await logs.index_information()
    assert there[BY_TIME]["key"] == [("project_id", 1)]
    assert {BY_REF, "ttl_shared"} <= set(there)
    assert "`daybook admin init` mends it" in caplog.text
