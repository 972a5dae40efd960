import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from daybook.runtime.mongo import Document
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from pymongo.asynchronous.database import AsyncDatabase
from query.app import create_app
from query.keys import read_key
from query.pages.desk import safe_next
from query.settings import QuerySettings
from query.signing import Signer, sign_in_link

MakeKey = Callable[..., Awaitable[str]]
SECRET = "a secret of enough letters"


def token_of(page: httpx.Response) -> str:
    found = re.search(r'name="form" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


async def test_whoever_is_not_signed_in_is_asked_to_and_comes_back(
    anyone: httpx.AsyncClient, new_key: MakeKey
) -> None:
    asked = await anyone.get("/logs/abc?user=a")
    form = await anyone.get(asked.headers["location"])
    wanted = re.search(r'name="next" value="([^"]+)"', form.text)
    assert wanted is not None

    answer = await anyone.post(
        "/sign-in",
        data={"form": token_of(form), "key": await new_key(), "next": wanted[1]},
    )

    assert answer.status_code == 303
    assert answer.headers["location"] == "/logs/abc?user=a"
    assert (await anyone.get("/logs")).status_code == 200


async def test_the_sessions_cookie_is_out_of_scripts_and_other_sites_reach(
    database: AsyncDatabase[Document], new_key: MakeKey
) -> None:
    settings = QuerySettings(
        session_secret=SecretStr(SECRET), public_url="https://daybook.example"
    )
    app = create_app(settings, database, registry=CollectorRegistry())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="https://daybook.example"
    ) as client:
        form = await client.get("/sign-in")
        answer = await client.post(
            "/sign-in", data={"form": token_of(form), "key": await new_key()}
        )

    cookie = answer.headers.get_list("set-cookie")[0]
    assert cookie.startswith("daybook_session=")
    for attribute in ("HttpOnly", "SameSite=lax", "Secure", "Path=/"):
        assert attribute in cookie


@pytest.mark.parametrize("key", ["", "nonsense", "dbk_" + "0" * 16 + "_" + "0" * 64])
async def test_a_wrong_key_signs_nobody_in_and_says_what_to_check(
    anyone: httpx.AsyncClient, key: str
) -> None:
    form = await anyone.get("/sign-in")

    answer = await anyone.post("/sign-in", data={"form": token_of(form), "key": key})

    assert answer.status_code == 401
    assert "begins with dbk_" in answer.text
    assert "daybook_session" not in answer.headers.get("set-cookie", "")


async def test_a_form_that_is_not_ours_signs_nobody_in(
    anyone: httpx.AsyncClient, new_key: MakeKey
) -> None:
    key = await new_key()
    form = await anyone.get("/sign-in")
    token = token_of(form)

    none = await anyone.post("/sign-in", data={"key": key})
    anyone.cookies.set("daybook_form", "another browser's")
    of_another = await anyone.post("/sign-in", data={"form": token, "key": key})
    anyone.cookies.clear()
    without_cookie = await anyone.post("/sign-in", data={"form": token, "key": key})
    huge = await anyone.post("/sign-in", data={"form": token, "key": "x" * 100_000})

    for answer in (none, of_another, without_cookie, huge):
        assert answer.status_code == 401
        assert "daybook_session" not in answer.headers.get("set-cookie", "")


async def test_signing_out_takes_our_own_form(signed_in: httpx.AsyncClient) -> None:
    page = await signed_in.get("/logs")

    forged = await signed_in.post("/sign-out", data={"form": "x"})
    still = await signed_in.get("/logs")
    ours = await signed_in.post("/sign-out", data={"form": token_of(page)})
    after = await signed_in.get("/logs")

    assert (forged.status_code, still.status_code) == (303, 200)
    assert (ours.status_code, after.status_code) == (303, 303)


async def test_a_link_signs_in_and_leaves_no_token_in_the_address(
    anyone: httpx.AsyncClient, new_key: MakeKey, time: Any
) -> None:
    key = read_key(await new_key())
    assert key is not None
    signer = Signer(SECRET, time.clock)
    link = sign_in_link(signer, "http://daybook.test", key_id=key.id, project_id="shop")

    answer = await anyone.get(link)

    assert (answer.status_code, answer.headers["location"]) == (303, "/logs")
    assert (await anyone.get("/logs")).status_code == 200


async def test_a_link_ends_after_30_days_with_its_key_or_with_the_secret(
    anyone: httpx.AsyncClient, new_key: MakeKey, time: Any, now: datetime
) -> None:
    key = read_key(await new_key())
    assert key is not None
    ours, others = Signer(SECRET, time.clock), Signer("another secret", time.clock)
    base = "http://daybook.test"
    good = sign_in_link(ours, base, key_id=key.id, project_id="shop")
    links = [
        sign_in_link(others, base, key_id=key.id, project_id="shop"),
        sign_in_link(ours, base, key_id="0" * 16, project_id="shop"),
        sign_in_link(ours, base, key_id=key.id, project_id="other"),
        good[:-2],
        f"{base}/sign-in?token={ours.sign('session', {}, timedelta(1))}",
        f"{base}/sign-in?token=",
    ]

    answers = [await anyone.get(link) for link in links]
    time.pass_by(timedelta(days=30, seconds=1))
    answers.append(await anyone.get(good))

    for answer in answers:
        assert answer.status_code == 401
        assert "daybook_session" not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize(
    "wanted",
    [
        "",
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/logs\\..\\x",
        "/logs/\n",
        "javascript:alert(1)",
        "/logsx",
        "/tasksx",
        "/sign-out",
    ],
)
def test_signing_in_leads_nowhere_but_to_our_own_pages(wanted: str) -> None:
    assert safe_next(wanted) == "/logs"


async def test_a_session_of_another_secret_is_none(
    signed_in: httpx.AsyncClient, database: AsyncDatabase[Document]
) -> None:
    settings = QuerySettings(session_secret=SecretStr("rotated secret, long enough"))
    app = create_app(settings, database, registry=CollectorRegistry())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://daybook.test",
        cookies=dict(signed_in.cookies),
    ) as client:
        page = await client.get("/logs")

    assert page.status_code == 303


async def test_without_a_secret_the_service_makes_one_and_says_so(
    database: AsyncDatabase[Document], caplog: pytest.LogCaptureFixture
) -> None:
    create_app(QuerySettings(), database, registry=CollectorRegistry())

    assert "DAYBOOK_SESSION_SECRET is not set" in caplog.text
