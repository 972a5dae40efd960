"""Webhook endpoints over HTTP, and what is stored of them."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from daybook.runtime.mongo import Document
from daybook.storage.webhook_endpoints import DEFAULT_RETRY_SCHEDULE_S
from daybook.webhooks.headers import MASK
from daybook.webhooks.sealing import Box
from daybook.webhooks.signing import sign
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from pymongo.asynchronous.database import AsyncDatabase
from query.app import create_app
from query.settings import QuerySettings

MakeKey = Callable[..., Awaitable[str]]
KEY = bytes(range(32))
PATH = "/v1/webhook-endpoints"
URL = "https://example.com/hook"


@pytest.fixture
def settings() -> QuerySettings:
    return QuerySettings(
        session_secret=SecretStr("a secret of enough letters"),
        sealing_keys=SecretStr(f"k:{base64.b64encode(KEY).decode()}"),
    )


@pytest.fixture
def box() -> Box:
    return Box({"k": KEY})


async def made(api: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await api.post(PATH, json={"url": URL, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def version(database: AsyncDatabase[Document]) -> int:
    found = await database["webhook_endpoints"].find_one({"_id": "version"})
    return 0 if found is None else found["version"]


async def problem(answer: httpx.Response, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    return answer.json()["message"]


async def test_an_endpoint_needs_a_url_alone_and_tells_its_secret_once(
    api: httpx.AsyncClient,
) -> None:
    answer = await api.post(PATH, json={"url": URL})
    endpoint = answer.json()
    secret = endpoint.pop("secret")

    assert answer.status_code == 201
    assert secret.startswith("whsec_")
    assert endpoint == {
        "object": "webhook_endpoint",
        "id": endpoint["id"],
        "url": URL,
        "description": None,
        "event_types": ["*"],
        "active": True,
        "disabled": None,
        "headers": {},
        "signature": "v1",
        "public_key": None,
        "retry_schedule_s": list(DEFAULT_RETRY_SCHEDULE_S),
        "rate_limit_per_second": None,
        "max_in_flight": 10,
        "timeout_ms": 10000,
        "created_at": "2026-11-24T03:00:00.000Z",
        "updated_at": "2026-11-24T03:00:00.000Z",
    }
    assert endpoint["id"].startswith("we_")
    assert (await api.get(f"{PATH}/{endpoint['id']}")).json() == endpoint


async def test_everything_that_may_be_said_is_kept(api: httpx.AsyncClient) -> None:
    wanted: dict[str, Any] = {
        "description": "orders",
        "event_types": ["voucher.*", "order.paid"],
        "active": False,
        "retry_schedule_s": [1, 604800],
        "rate_limit_per_second": 0.5,
        "max_in_flight": 1000,
        "timeout_ms": 100,
    }
    endpoint = await made(api, **wanted, headers={"X-Api-Key": "hidden"})

    assert endpoint | wanted == endpoint
    assert endpoint["headers"] == {"X-Api-Key": MASK}


async def test_secrets_and_headers_are_sealed_for_their_endpoint(
    api: httpx.AsyncClient, database: AsyncDatabase[Document], box: Box
) -> None:
    endpoint = await made(api, headers={"X-Api-Key": "hidden"})

    stored = await database["webhook_endpoints"].find_one({"id": endpoint["id"]})

    assert stored is not None
    assert "hidden" not in str(stored)
    assert endpoint["secret"] not in str(stored)
    key = f"shop/{endpoint['id']}"
    assert stored["_id"] == key
    assert box.open(stored["secrets"][0]["secret"], key) == endpoint["secret"]
    assert box.open(stored["headers"][0]["value"], key) == "hidden"
    absent = {"description", "public_key", "rate_limit_per_second", "deleted_at"}
    assert not absent & set(stored)


async def test_of_an_asymmetric_endpoint_only_the_public_key_is_told(
    api: httpx.AsyncClient, database: AsyncDatabase[Document], box: Box
) -> None:
    endpoint = await made(api, signature="v1a")
    rotated = (await api.post(f"{PATH}/{endpoint['id']}/rotate-secret")).json()

    assert endpoint["secret"] is None
    assert endpoint["public_key"].startswith("whpk_")
    assert rotated["secret"] is None
    assert rotated["public_key"] not in (None, endpoint["public_key"])
    stored = await database["webhook_endpoints"].find_one({"id": endpoint["id"]})
    assert stored is not None
    secret = box.open(stored["secrets"][0]["secret"], stored["_id"])
    assert sign([secret], "whs_1", 1, b"{}").startswith("v1a,")


async def test_every_change_raises_the_version(
    api: httpx.AsyncClient, database: AsyncDatabase[Document]
) -> None:
    seen = [await version(database)]
    endpoint = await made(api)
    path = f"{PATH}/{endpoint['id']}"
    seen.append(await version(database))
    for change in (
        api.patch(path, json={"active": False}),
        api.post(f"{path}/rotate-secret", json={}),
        api.delete(path),
    ):
        assert (await change).is_success
        seen.append(await version(database))

    assert seen == [0, 1, 2, 3, 4]


async def test_what_is_refused_raises_nothing(
    api: httpx.AsyncClient, database: AsyncDatabase[Document]
) -> None:
    await made(api)
    await api.patch(f"{PATH}/we_none", json={"active": False})
    await api.post(PATH, json={"url": "http://example.com"})

    assert await version(database) == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"url": "http://example.com/"}, "http is not allowed"),
        ({"url": "https://127.0.0.1/"}, "127.0.0.1 is not a public address"),
        ({"url": "https://localhost/"}, "localhost is not a public host"),
        ({"url": "https://user:pw@example.com/"}, "user name or password"),
        ({"url": 7}, "use a text"),
        ({"event_types": []}, "a list of 1 to 100"),
        ({"event_types": "voucher.*"}, "a list of 1 to 100"),
        ({"event_types": ["a\nb"]}, "printable characters"),
        ({"event_types": ["a" * 257]}, "1 to 256"),
        ({"event_types": [str(n) for n in range(101)]}, "a list of 1 to 100"),
        ({"retry_schedule_s": [0]}, "from 1 to 604800"),
        ({"retry_schedule_s": [604801]}, "from 1 to 604800"),
        ({"retry_schedule_s": [1.5]}, "whole seconds"),
        ({"retry_schedule_s": [1] * 51}, "at most 50"),
        ({"max_in_flight": 0}, "from 1 to 1000"),
        ({"max_in_flight": 1001}, "from 1 to 1000"),
        ({"max_in_flight": True}, "a whole number"),
        ({"timeout_ms": 99}, "from 100 to 30000"),
        ({"timeout_ms": 30001}, "from 100 to 30000"),
        ({"rate_limit_per_second": 0}, "from 0.001 to 10000"),
        ({"rate_limit_per_second": -1}, "from 0.001 to 10000"),
        ({"rate_limit_per_second": 10**300}, "from 0.001 to 10000"),
        ({"description": "x" * 1001}, "1 to 1000 characters"),
        ({"active": "yes"}, "true or false"),
        ({"signature": "v2"}, "v1 (HMAC-SHA256)"),
        ({"headers": {"Host": "x"}}, "Host is set by Daybook itself"),
        ({"headers": {"Webhook-Id": "x"}}, "is set by Daybook itself"),
        ({"headers": {"X": "a\r\nb"}}, "printable ASCII"),
        ({"headers": {"a b": "x"}}, "not the name of a header"),
        ({"headers": {"X": 1}}, "has to be a text"),
        ({"headers": {"X": "a", "x": "b"}}, "give each header once"),
        ({"headers": {f"X{n}": "a" for n in range(21)}}, "at most 20"),
        ({"headers": {f"X{n}": "a" * 4000 for n in range(2)}}, "characters in all"),
        ({"headers": {"X": MASK}}, "give X a value"),
        ({"headers": []}, "an object of names and values"),
        ({"nonsense": 1}, "nonsense: is unknown"),
        ({"disabled": None}, "disabled: is unknown"),
    ],
)
async def test_what_cannot_be_is_refused_in_plain_words(
    api: httpx.AsyncClient, fields: dict[str, Any], said: str
) -> None:
    answer = await api.post(PATH, json={"url": URL, **fields})

    assert said in await problem(answer)
    assert answer.json()["key"] == "invalid_payload"
    assert next(iter(fields)) in answer.json()["message"]


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff", b"", b"{}"])
async def test_a_body_that_is_no_endpoint_is_refused(
    api: httpx.AsyncClient, body: bytes
) -> None:
    answer = await api.post(PATH, content=body)

    assert answer.status_code == 400
    assert answer.json()["key"] == "invalid_payload"


async def test_a_body_without_an_end_is_cut_off(api: httpx.AsyncClient) -> None:
    answer = await api.post(PATH, content=b" " * 70_000)

    assert answer.status_code == 413


async def test_all_problems_are_told_at_once(api: httpx.AsyncClient) -> None:
    said = await problem(await api.post(PATH, json={"timeout_ms": 1, "active": 2}))

    assert {"url: is needed", "timeout_ms: use", "active: use"} <= {
        one[: len(known)]
        for one in said.removeprefix("The body cannot be used: ").split("; ")
        for known in ("url: is needed", "timeout_ms: use", "active: use")
        if one.startswith(known)
    }


async def test_a_change_leaves_the_rest_as_it_is(api: httpx.AsyncClient) -> None:
    endpoint = await made(api, description="d", rate_limit_per_second=5)
    del endpoint["secret"]

    answer = await api.patch(
        f"{PATH}/{endpoint['id']}", json={"active": False, "description": None}
    )

    expected = endpoint | {"active": False, "description": None}
    assert answer.json() == expected
    assert (await api.get(f"{PATH}/{endpoint['id']}")).json() == expected


async def test_null_brings_the_default_back(api: httpx.AsyncClient) -> None:
    endpoint = await made(api, retry_schedule_s=[1], event_types=["a"], timeout_ms=100)
    path = f"{PATH}/{endpoint['id']}"

    names = ("retry_schedule_s", "event_types", "timeout_ms", "active")
    changed = (await api.patch(path, json=dict.fromkeys(names))).json()

    assert changed["retry_schedule_s"] == list(DEFAULT_RETRY_SCHEDULE_S)
    assert (changed["event_types"], changed["timeout_ms"]) == (["*"], 10_000)


async def test_a_masked_header_keeps_its_value(
    api: httpx.AsyncClient, database: AsyncDatabase[Document], box: Box
) -> None:
    endpoint = await made(api, headers={"X-Api-Key": "hidden", "X-Old": "old"})
    path = f"{PATH}/{endpoint['id']}"

    headers = {"x-api-key": MASK, "X-New": "new"}
    changed = await api.patch(path, json={"headers": headers})
    refused = await api.patch(path, json={"headers": {"X-Old": MASK}})

    stored = await database["webhook_endpoints"].find_one({"id": endpoint["id"]})
    assert stored is not None
    opened = {
        one["name"]: box.open(one["value"], stored["_id"]) for one in stored["headers"]
    }
    assert changed.json()["headers"] == {"x-api-key": MASK, "X-New": MASK}
    assert opened == {"x-api-key": "hidden", "X-New": "new"}
    assert "X-Old" in await problem(refused)


@pytest.mark.parametrize("change", [{"signature": "v1a"}, {"url": None}, {"id": "x"}])
async def test_some_things_never_change(
    api: httpx.AsyncClient, change: dict[str, Any]
) -> None:
    endpoint = await made(api)

    answer = await api.patch(f"{PATH}/{endpoint['id']}", json=change)

    assert answer.status_code == 400


async def test_both_secrets_sign_while_a_rotation_lasts(
    api: httpx.AsyncClient,
    database: AsyncDatabase[Document],
    box: Box,
    time: Any,
) -> None:
    endpoint = await made(api)
    rotate = f"{PATH}/{endpoint['id']}/rotate-secret"

    rotated = (await api.post(rotate, json={"grace_s": 3600})).json()

    stored = await database["webhook_endpoints"].find_one({"id": endpoint["id"]})
    assert stored is not None
    newest, old = stored["secrets"]
    assert box.open(newest["secret"], stored["_id"]) == rotated["secret"]
    assert box.open(old["secret"], stored["_id"]) == endpoint["secret"]
    assert "expires_at" not in newest
    assert old["expires_at"] == time.now + timedelta(hours=1)
    assert rotated["secret"] not in (None, endpoint["secret"])


async def test_a_grace_is_a_day_unless_told_and_seven_at_most(
    api: httpx.AsyncClient, database: AsyncDatabase[Document], time: Any
) -> None:
    endpoint = await made(api)
    rotate = f"{PATH}/{endpoint['id']}/rotate-secret"

    assert (await api.post(rotate)).status_code == 200
    assert "0 to 604800" in await problem(
        await api.post(rotate, json={"grace_s": 604801})
    )

    stored = await database["webhook_endpoints"].find_one({"id": endpoint["id"]})
    assert stored is not None
    assert stored["secrets"][1]["expires_at"] == time.now + timedelta(days=1)


async def test_a_later_rotation_lengthens_no_grace(
    api: httpx.AsyncClient, database: AsyncDatabase[Document], time: Any
) -> None:
    endpoint = await made(api)
    rotate = f"{PATH}/{endpoint['id']}/rotate-secret"
    for grace in (60, 3600):
        await api.post(rotate, json={"grace_s": grace})

    async def ends() -> list[Any]:
        stored = await database["webhook_endpoints"].find_one({"id": endpoint["id"]})
        assert stored is not None
        return [one.get("expires_at") for one in stored["secrets"]]

    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    assert await ends() == [None, time.now + hour, time.now + minute]
    time.pass_by(minute)
    await api.post(rotate, json={"grace_s": 3600})
    assert len(await ends()) == 3
    await api.post(rotate, json={"grace_s": 0})
    assert await ends() == [None]


async def test_rotations_that_overlap_keep_five_secrets(
    api: httpx.AsyncClient, database: AsyncDatabase[Document]
) -> None:
    endpoint = await made(api)
    for _ in range(7):
        await api.post(f"{PATH}/{endpoint['id']}/rotate-secret")

    stored = await database["webhook_endpoints"].find_one({"id": endpoint["id"]})
    assert stored is not None
    assert len(stored["secrets"]) == 5


async def test_a_deleted_endpoint_is_gone_at_once_and_its_command_stored(
    api: httpx.AsyncClient, database: AsyncDatabase[Document]
) -> None:
    endpoint = await made(api, headers={"X": "y"})
    path = f"{PATH}/{endpoint['id']}"

    answer = await api.delete(path)

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await api.get(path)).status_code == 404
    assert (await api.get(PATH)).json()["webhook_endpoints"] == []
    assert (await api.patch(path, json={})).status_code == 404
    assert (await api.delete(path)).status_code == 404
    [command] = await database["commands"].find().to_list()
    assert (
        command
        | {
            "kind": "endpoint.delete",
            "service": "webhook-dispatcher",
            "project_id": "shop",
            "parameters": {"endpoint_id": endpoint["id"]},
            "status": "ACCEPTED",
            "claim": 0,
        }
        == command
    )
    stored = await database["webhook_endpoints"].find_one({"id": endpoint["id"]})
    assert stored is not None
    assert (stored["secrets"], stored["headers"]) == ([], [])
    assert "deleted_at" in stored


async def test_a_list_goes_on_from_its_cursor_newest_first(
    api: httpx.AsyncClient, time: Any
) -> None:
    ids: list[str] = []
    for number in range(5):
        ids.append((await made(api))["id"])
        time.pass_by(timedelta(seconds=number % 2))

    first = (await api.get(PATH, params={"limit": 2})).json()
    await made(api)
    seen = [one["id"] for one in first["webhook_endpoints"]]
    page = first
    while page["next_cursor"]:
        params = {"limit": 2, "cursor": page["next_cursor"]}
        page = (await api.get(PATH, params=params)).json()
        seen += [one["id"] for one in page["webhook_endpoints"]]

    assert len(seen) == 5
    assert set(seen) == set(ids)
    assert first["data_ref"] == "webhook_endpoints"
    assert page["has_more"] is False
    assert "cursor is damaged" in await problem(
        await api.get(PATH, params={"cursor": "x"})
    )
    assert "is unknown" in await problem(await api.get(PATH, params={"active": "true"}))


async def test_what_happened_to_an_endpoint_is_shown_beside_what_was_configured(
    api: httpx.AsyncClient, database: AsyncDatabase[Document], time: Any
) -> None:
    endpoint = await made(api)
    disabled = {"at": time.now, "reason": "answered 410 Gone: endpoint disabled"}
    await database["endpoint_health"].insert_one(
        {"_id": f"shop/{endpoint['id']}", "disabled": disabled}
    )

    one = (await api.get(f"{PATH}/{endpoint['id']}")).json()
    [listed] = (await api.get(PATH)).json()["webhook_endpoints"]
    changed = (await api.patch(f"{PATH}/{endpoint['id']}", json={})).json()

    assert one["active"] is True
    assert one["disabled"] == disabled | {"at": "2026-11-24T03:00:00.000Z"}
    assert listed == changed == one


async def test_a_key_sees_the_endpoints_of_its_own_project_alone(
    api: httpx.AsyncClient, new_key: MakeKey
) -> None:
    endpoint = await made(api)
    path = f"{PATH}/{endpoint['id']}"
    other = {"authorization": f"Bearer {await new_key('other')}"}

    answers = [
        await api.get(path, headers=other),
        await api.patch(path, json={}, headers=other),
        await api.delete(path, headers=other),
        await api.post(f"{path}/rotate-secret", headers=other),
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert answers[0].json()["key"] == "webhook_endpoint_not_found"
    assert answers[0].json()["resource_type"] == "webhook_endpoint"
    listed = await api.get(PATH, headers=other)
    assert listed.json()["webhook_endpoints"] == []
    assert (await api.get(path)).status_code == 200


async def test_a_project_has_fifty_endpoints_at_most_however_they_come(
    api: httpx.AsyncClient, new_key: MakeKey
) -> None:
    for _ in range(48):
        await made(api)

    answers = await asyncio.gather(*(api.post(PATH, json={"url": URL}) for _ in "1234"))

    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["key"] == "too_many_webhook_endpoints"
    other = {"authorization": f"Bearer {await new_key('other')}"}
    assert (await api.post(PATH, json={"url": URL}, headers=other)).is_success


async def test_changes_at_once_lose_none_of_each_other(api: httpx.AsyncClient) -> None:
    endpoint = await made(api)
    path = f"{PATH}/{endpoint['id']}"

    changes: list[dict[str, Any]] = [
        {"description": "d"},
        {"max_in_flight": 3},
        {"active": False},
        {"timeout_ms": 500},
    ]
    answers = await asyncio.gather(*(api.patch(path, json=one) for one in changes))

    assert all(answer.is_success for answer in answers)
    found = (await api.get(path)).json()
    for change in changes:
        assert found | change == found


async def test_without_sealing_keys_the_answer_says_what_to_set(
    database: AsyncDatabase[Document], new_key: MakeKey
) -> None:
    bare = QuerySettings(session_secret=SecretStr("a secret of enough letters"))
    app = create_app(bare, database, registry=CollectorRegistry())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://daybook.test",
        headers={"authorization": f"Bearer {await new_key()}"},
    ) as api:
        answers = [await api.post(PATH, json={"url": URL}), await api.get(PATH)]

    for answer in answers:
        assert answer.status_code == 503
        assert answer.json()["key"] == "sealing_keys_missing"
        assert "DAYBOOK_SEALING_KEYS_FILE" in answer.json()["message"]
