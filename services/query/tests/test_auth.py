from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from daybook.runtime.mongo import Document
from daybook.testing.stored_logs import stored_log
from pymongo.asynchronous.database import AsyncDatabase
from query.control_plane import ControlPlane
from query.keys import read_key

MakeKey = Callable[..., Awaitable[str]]
StoreLogs = Callable[..., Awaitable[None]]


async def test_a_key_is_accepted_as_bearer_and_as_app_id_and_token(
    anyone: httpx.AsyncClient, new_key: MakeKey
) -> None:
    key = await new_key()

    bearer = await anyone.get("/v1/logs", headers={"authorization": f"bearer {key}"})
    pair = {"x-app-id": "shop", "x-app-token": key}
    app = await anyone.get("/v1/logs", headers=pair)

    assert (bearer.status_code, app.status_code) == (200, 200)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer nonsense"},
        {"authorization": "Basic KEY"},
        {"authorization": "Bearer dbk_0000000000000000_" + "0" * 64},
        {"authorization": "Bearer KEY0"},
        {"x-app-token": "KEY"},
        {"x-app-id": "other", "x-app-token": "KEY"},
        {"x-app-id": "shop", "x-app-token": "dbk_é"},
    ],
)
async def test_whoever_has_no_valid_key_is_told_how_to_send_one(
    anyone: httpx.AsyncClient, new_key: MakeKey, headers: dict[str, str]
) -> None:
    key = await new_key()
    sent = [
        (name.encode(), value.replace("KEY", key).encode())
        for name, value in headers.items()
    ]

    answer = await anyone.get("/v1/logs", headers=sent)

    error = answer.json()
    assert (answer.status_code, error["code"], error["key"]) == (
        401,
        401,
        "unauthorized",
    )
    assert "Authorization: Bearer" in error["details"]
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_key_with_another_secret_is_refused(
    anyone: httpx.AsyncClient, new_key: MakeKey
) -> None:
    one, two = read_key(await new_key()), read_key(await new_key())
    assert one is not None
    assert two is not None
    mixed = f"dbk_{one.id}_{two.secret}"

    answer = await anyone.get("/v1/logs", headers={"authorization": f"Bearer {mixed}"})

    assert answer.status_code == 401


async def test_a_key_sees_its_own_project_and_no_other(
    anyone: httpx.AsyncClient, new_key: MakeKey, store: StoreLogs, now: datetime
) -> None:
    await store(
        stored_log("mine", now),
        stored_log("theirs", now, project_id="other", user={"id": "u"}),
    )
    headers = {"authorization": f"Bearer {await new_key('shop')}"}

    listed = await anyone.get("/v1/logs", headers=headers)
    filtered = await anyone.get("/v1/logs?user=u", headers=headers)
    fetched = await anyone.get("/v1/logs/theirs", headers=headers)
    climbed = await anyone.get("/v1/logs/..%2Fother%2Ftheirs", headers=headers)

    assert [log["id"] for log in listed.json()["logs"]] == ["mine"]
    assert filtered.json()["logs"] == []
    assert (fetched.status_code, climbed.status_code) == (404, 404)


async def test_a_revoked_key_stops_within_ten_seconds(
    api: httpx.AsyncClient, database: AsyncDatabase[Document], time: Any
) -> None:
    presented = read_key(api.headers["authorization"].removeprefix("Bearer "))
    assert presented is not None
    before = await api.get("/v1/logs")
    await ControlPlane(database).revoke_key(presented.id, time.now)

    time.pass_by(timedelta(seconds=10))
    after = await api.get("/v1/logs")

    assert (before.status_code, after.status_code) == (200, 401)
