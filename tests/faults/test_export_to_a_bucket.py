"""Exports to an S3 whose uploads break off in the middle, by whatever fault."""

import csv
import io
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import urlsplit

import httpx
from daybook.exports.parameters import read_parameters
from daybook.storage.exports import ensure_exports, listed_objects, new_export
from daybook.storage.logs import ensure_logs
from daybook.testing.holding import holding
from daybook.testing.object_storage import Bucket, moto_server, new_bucket
from daybook.testing.stored_logs import stored_log
from daybook.testing.waiting import eventually
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from query.app import create_app
from query.control_plane import ControlPlane
from query.keys import make_key, system_randomness
from query.settings import QuerySettings

Document = dict[str, Any]
TIERS = {"shared": timedelta(days=180)}
FIELDS = ["id", "request_body"]
LOGS = 1_500
# Of an upload in parts, which begins beyond 5 MiB: its second one.
IN_MID_UPLOAD = b"partNumber=2"


async def store_logs(database: AsyncDatabase[Document], newest: datetime) -> None:
    """So much that every part of an export is uploaded in parts itself."""
    random = Random(1)
    await ensure_logs(database["logs"], TIERS)
    await database["logs"].insert_many(
        [
            stored_log(
                f"l-{n:04d}",
                newest - timedelta(seconds=n + 1),
                request={"body": random.randbytes(6_000).hex()},
            )
            for n in range(LOGS)
        ]
    )


async def api_of(
    database: AsyncDatabase[Document], bucket: Bucket
) -> httpx.AsyncClient:
    """query over the same bucket, with a key of the project."""
    settings = QuerySettings(
        session_secret=SecretStr("a secret of enough letters"),
        storage_url=bucket.address,
    )
    stored, text = make_key(
        "shop", "tests", now=datetime.now(UTC), randomness=system_randomness
    )
    await ControlPlane(database).add_key(stored)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(
            create_app(settings, database, registry=CollectorRegistry())
        ),
        base_url="http://daybook.test",
        headers={"authorization": f"Bearer {text}"},
        timeout=30,
    )


async def test_an_upload_that_breaks_off_changes_nothing_of_a_file_in_a_bucket(
    mongo_client: AsyncMongoClient[Document],
    database_name: str,
    surroundings: dict[str, str],
    make_topic: Callable[..., Awaitable[str]],
    spawn: Callable[..., Any],
) -> None:
    database = mongo_client[database_name]
    now = datetime.now(UTC)
    await store_logs(database, now)
    await ensure_exports(database["exports"])
    asked = read_parameters(
        {"exported_object": "api_log", "parameters": {"fields": FIELDS}}
    )
    export = new_export("shop", "exp_1", asked, "API", None, now, None)
    await database["exports"].insert_one(export)

    with moto_server() as endpoint, new_bucket(endpoint) as bucket:
        environment = {
            **bucket.environment,
            **surroundings,
            "DAYBOOK_EXPORTS_TOPIC": await make_topic("exports", partitions=1),
            "DAYBOOK_STORAGE_URL": bucket.address,
            "DAYBOOK_WATERMARKS_WITHIN": "PT0S",
            "DAYBOOK_EXPORT_LEASE": "PT1S",
        }
        server = urlsplit(endpoint)
        host, port = str(server.hostname), int(server.port or 0)

        async with holding(host, port, IN_MID_UPLOAD, "message") as (address, way):
            through = {"AWS_ENDPOINT_URL": f"http://{address}"}
            killed = spawn("exporter", environment | through)
            await way.held.wait()
            killed.kill()
            killed.wait()  # it was killed
        async with holding(host, port, IN_MID_UPLOAD, "connection") as (address, way):
            through = {"AWS_ENDPOINT_URL": f"http://{address}"}
            spawn("exporter", environment | through)

            async def over() -> Document | None:
                return await database["exports"].find_one(
                    {"_id": export["_id"], "announced": True, "unswept": None}
                )

            ended = await eventually(over, within=60)
            assert ended is not None
            assert way.held.is_set()
            assert (ended["status"], ended["claim"]) == ("DONE", 2)
            assert len(ended["parts"]) > 1
            assert set(bucket.keys()) == {
                f"daybook/{name}" for name in listed_objects(ended)
            }
            async with await api_of(database, bucket) as api:
                shown = (await api.get("/v1/exports/exp_1")).json()
                file = await api.get(shown["result"]["url"])
                rows = await api.get("/v1/exports/exp_1/rows", params={"q": "L-0777"})
                gone = await api.delete("/v1/exports/exp_1")
            await eventually(lambda: bucket.keys() == [])

    header, *lines = csv.reader(io.StringIO(file.text, newline=""))
    wanted = [
        [one["id"], one["request"]["body"]]
        async for one in database["logs"].find().sort("created_at", -1)
    ]
    assert header == FIELDS
    assert lines == wanted
    assert "l-0777" in rows.text
    assert gone.status_code == 204
