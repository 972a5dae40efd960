"""``/v1/exports``: made, listed, found, downloaded by a link, and browsed."""

# pyarrow ships no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import httpx
import pyarrow as pa
import pytest
from daybook.runtime.mongo import Document
from daybook.storage.exports import columns_part, text_part
from pyarrow import parquet
from pydantic import SecretStr
from pymongo.asynchronous.database import AsyncDatabase
from query.settings import QuerySettings

Database = AsyncDatabase[Document]
Finish = Callable[..., Any]
BODY = {
    "exported_object": "api_log",
    "parameters": {
        "order": "-created_at",
        "fields": ["id", "status"],
        "filters": {
            "junction": "AND",
            "status": {"conditions": {"$is": "FAILURE"}},
        },
    },
}


class Time(Protocol):
    now: Any

    def pass_by(self, span: timedelta) -> None: ...


@pytest.fixture
def settings(tmp_path: Path) -> QuerySettings:
    return QuerySettings(
        session_secret=SecretStr("a secret of enough letters"),
        storage_url=str(tmp_path / "objects"),
        browse_cache=tmp_path / "cache",
    )


@pytest.fixture
def finish(database: Database, tmp_path: Path, time: Time) -> Finish:
    """Ends an export as the exporter does: two parts of one row each."""

    async def end(export_id: str) -> None:
        key = {"_id": f"shop/{export_id}"}
        export = await database["exports"].find_one(key)
        assert export is not None
        parts: list[Document] = []
        size = 0
        for number, text in enumerate((b'"id"\r\n"a"\r\n', b'"b"\r\n')):
            part: Document = {
                "number": number,
                "claim": 1,
                "rows": 1,
                "bytes": len(text),
            }
            path = tmp_path / "objects" / text_part(export, part)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
            columns = tmp_path / "objects" / columns_part(export, part)
            parquet.write_table(pa.table({"id": ["ab"[number]]}), columns)
            size += len(text)
            parts.append({**part, "columns_bytes": columns.stat().st_size})
        done: Document = {
            "status": "DONE",
            "parts": parts,
            "rows": 2,
            "bytes": size,
            "finished_at": time.now,
            "expires_at": time.now + timedelta(days=90),
        }
        await database["exports"].update_one(
            key, {"$set": done, "$unset": {"waiting": 1}}
        )

    return end


async def make(api: httpx.AsyncClient, body: object = BODY) -> dict[str, Any]:
    answer = await api.post("/v1/exports", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_what_is_made_is_scheduled_and_found_at_once(
    api: httpx.AsyncClient, database: Database
) -> None:
    made = await make(api)

    found = await api.get(f"/v1/exports/{made['id']}")

    assert found.json() == made
    assert made["id"].startswith("exp_")
    assert (made["object"], made["status"], made["channel"]) == (
        "export",
        "SCHEDULED",
        "API",
    )
    assert made["created_at"] == "2026-11-24T03:00:00.000Z"
    assert made["parameters"]["fields"] == ["id", "status"]
    assert made["parameters"]["filters"]["junction"] == "and"
    assert made["result"] is None
    assert made["response_format"] == "CSV"
    stored = await database["exports"].find_one({"id": made["id"]})
    assert stored is not None
    assert stored["waiting"] is True


@pytest.mark.parametrize(
    ("body", "key", "said"),
    [
        ({}, "invalid_payload", "use api_log"),
        ([], "invalid_payload", "use an object"),
        ({"exported_object": "vouchers"}, "invalid_payload", "use api_log"),
        (
            {"exported_object": "api_log", "parameters": {"fields": ["nope"]}},
            "invalid_export_fields",
            "nope",
        ),
        (
            {"exported_object": "api_log", "parameters": {"order": "url"}},
            "invalid_payload",
            "use -created_at or created_at",
        ),
        (
            {
                "exported_object": "api_log",
                "parameters": {"filters": {"status": {"conditions": {"$is": "X"}}}},
            },
            "invalid_payload",
            "SUCCESS or FAILURE",
        ),
        (
            {
                "exported_object": "api_log",
                "parameters": {"filters": {"url": {"conditions": {"$near": "X"}}}},
            },
            "invalid_payload",
            "$contains",
        ),
    ],
)
async def test_what_cannot_be_exported_says_what_to_do(
    api: httpx.AsyncClient, body: object, key: str, said: str
) -> None:
    answer = await api.post("/v1/exports", json=body)

    assert answer.status_code == 400
    assert answer.json()["key"] == key
    assert said in answer.text


async def test_fields_that_are_allowed_stand_in_the_details(
    api: httpx.AsyncClient,
) -> None:
    body = {"exported_object": "async_action", "parameters": {"fields": ["x"]}}

    answer = await api.post("/v1/exports", json=body)

    assert "operation_status" in answer.json()["details"]


async def test_a_list_has_pages_an_order_and_a_total(
    api: httpx.AsyncClient, time: Time
) -> None:
    made: list[str] = []
    for _ in range(5):
        made.append((await make(api))["id"])
        time.pass_by(timedelta(seconds=1))

    pages = [
        (await api.get("/v1/exports", params={"limit": 2, "page": page})).json()
        for page in (1, 2, 3)
    ]
    oldest = (await api.get("/v1/exports", params={"order": "created_at"})).json()

    assert [one["id"] for page in pages for one in page["exports"]] == made[::-1]
    assert [page["has_more"] for page in pages] == [True, True, False]
    assert {page["total"] for page in pages} == {5}
    assert (oldest["object"], oldest["data_ref"]) == ("list", "exports")
    assert [one["id"] for one in oldest["exports"]] == made


@pytest.mark.parametrize(
    "params",
    [{"limit": "0"}, {"limit": "101"}, {"page": "x"}, {"order": "rows"}, {"nope": "1"}],
)
async def test_a_query_that_cannot_be_read_says_so(
    api: httpx.AsyncClient, params: dict[str, str]
) -> None:
    answer = await api.get("/v1/exports", params=params)

    assert answer.status_code == 400
    assert answer.json()["key"] == "invalid_query_params"


async def test_the_file_is_at_its_link_without_a_key(
    api: httpx.AsyncClient, finish: Finish
) -> None:
    made = await make(api)
    await finish(made["id"])
    done = (await api.get(f"/v1/exports/{made['id']}")).json()
    del api.headers["authorization"]

    file = await api.get(done["result"]["url"])

    assert done["progress"] == {
        "rows": 2,
        "bytes": 16,
        "percent": 100,
        "finished_at_estimate": None,
    }
    assert file.status_code == 200
    assert file.content == b'"id"\r\n"a"\r\n"b"\r\n'
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert file.headers["content-length"] == "16"
    assert 'filename="api_log-2026-11-24' in file.headers["content-disposition"]


async def test_a_link_opens_its_own_export_and_only_for_a_while(
    api: httpx.AsyncClient, finish: Finish, time: Time
) -> None:
    made, other = await make(api), await make(api)
    await finish(made["id"])
    await finish(other["id"])
    url = (await api.get(f"/v1/exports/{made['id']}")).json()["result"]["url"]
    del api.headers["authorization"]

    elsewhere = await api.get(url.replace(made["id"], other["id"]))
    damaged = await api.get(url.replace("token=", "token=x"))
    in_time = await api.get(url)
    time.pass_by(timedelta(hours=24))
    late = await api.get(url)

    statuses = [one.status_code for one in (elsewhere, damaged, in_time, late)]
    assert statuses == [401, 401, 200, 401]


async def test_after_ninety_days_there_is_no_file_and_the_record_says_so(
    api: httpx.AsyncClient, finish: Finish, time: Time
) -> None:
    made = await make(api)
    await finish(made["id"])
    time.pass_by(timedelta(days=90))

    found = (await api.get(f"/v1/exports/{made['id']}")).json()

    assert found["status"] == "DONE"
    assert found["result"] is None
    assert "90 days" in found["error"]["message"]


async def test_another_projects_export_is_not_found(
    api: httpx.AsyncClient, new_key: Callable[..., Any]
) -> None:
    made = await make(api)
    api.headers["authorization"] = f"Bearer {await new_key('other')}"

    answer = await api.get(f"/v1/exports/{made['id']}")

    assert answer.status_code == 404
    assert answer.json()["key"] == "export_not_found"
    assert (await api.get("/v1/exports")).json()["total"] == 0


async def test_rows_are_browsed_without_the_file(
    api: httpx.AsyncClient, finish: Finish
) -> None:
    made = await make(api)
    waiting = await api.get(f"/v1/exports/{made['id']}/rows")
    await finish(made["id"])

    rows = (await api.get(f"/v1/exports/{made['id']}/rows")).json()
    found = (await api.get(f"/v1/exports/{made['id']}/rows", params={"q": "B"})).json()

    assert waiting.status_code == 409
    assert rows["rows"] == [{"id": "a"}, {"id": "b"}]
    assert found["row_numbers"] == [2]


async def test_a_deleted_one_is_hidden_before_anybody_has_removed_it(
    api: httpx.AsyncClient, database: Database
) -> None:
    made, other = await make(api), await make(api)

    deleted = await api.delete(f"/v1/exports/{made['id']}")
    again = await api.delete(f"/v1/exports/{made['id']}")

    assert (deleted.status_code, again.status_code) == (204, 404)
    assert (await api.get(f"/v1/exports/{made['id']}")).status_code == 404
    listed = (await api.get("/v1/exports")).json()
    assert [one["id"] for one in listed["exports"]] == [other["id"]]
    assert listed["total"] == 1
    command = await database["commands"].find_one({"kind": "export.delete"})
    assert command is not None
    assert command["service"] == "exporter"


async def test_a_cancellation_is_accepted_while_no_exporter_runs(
    api: httpx.AsyncClient,
) -> None:
    made = await make(api)

    answer = await api.post(f"/v1/exports/{made['id']}/cancel")

    assert answer.status_code == 202
    assert answer.json()["kind"] == "export.cancel"
