import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import httpx
import pytest
from daybook.runtime.mongo import Document
from daybook.storage.times import to_ms
from daybook.testing.stored_logs import stored_log
from pymongo.asynchronous.database import AsyncDatabase
from query.control_plane import ControlPlane
from query.filters import Window
from query.lists import Listed, Lists

StoreLogs = Callable[..., Awaitable[None]]
HOUR = timedelta(hours=1)


def titles(page: httpx.Response) -> list[str]:
    cells = re.findall(r'<td class="what">.*?<bdi>(.*?)</bdi>', page.text, re.S)
    return [unescape(cell) for cell in cells]


async def test_the_page_shows_the_last_24_hours_and_says_so(
    signed_in: httpx.AsyncClient, store: StoreLogs, now: datetime
) -> None:
    await store(
        stored_log("a", now - HOUR, endpoint="GET /a"),
        stored_log("b", now - 25 * HOUR, endpoint="GET /b"),
    )

    day, week = await signed_in.get("/logs"), await signed_in.get("/logs?range=7d")

    assert titles(day) == ["GET /a"]
    assert "Last 24 hours" in day.text
    assert titles(week) == ["GET /a", "GET /b"]
    assert "Last 7 days" in week.text


async def test_filters_are_chips_that_can_be_removed_one_by_one(
    signed_in: httpx.AsyncClient, store: StoreLogs, now: datetime
) -> None:
    await store(
        stored_log("a", now, endpoint="GET /a", status_code=404, channel="SDK"),
        stored_log("b", now, endpoint="GET /b", status_code=404),
    )

    page = await signed_in.get("/logs?status_code=404&channel=SDK&user=&endpoint=")
    links = re.findall(r'<a href="([^"]*)" title="Remove this filter"', page.text)
    without_channel = await signed_in.get(unescape(links[1]))

    assert titles(page) == ["GET /a"]
    assert [unescape(link) for link in links] == [
        "/logs?channel=SDK",
        "/logs?status_code=404",
    ]
    assert titles(without_channel) == ["GET /b", "GET /a"]


async def test_a_detail_has_its_own_address_and_keeps_list_and_filters(
    signed_in: httpx.AsyncClient, store: StoreLogs, now: datetime
) -> None:
    odd = "a/b?c\n#d"
    await store(
        stored_log(odd, now, status_code=404, request={"body": '{"n":1.00}'}),
        stored_log("other", now),
    )
    listed = await signed_in.get("/logs?status_code=404")
    href = re.search(r'<td class="what"><a href="([^"]*)"', listed.text)
    assert href is not None

    page = await signed_in.get(unescape(href[1]))

    assert unescape(href[1]) == "/logs/a%2Fb%3Fc%0A%23d?status_code=404#selected"
    assert page.status_code == 200
    assert "{&#34;n&#34;:1.00}" in page.text
    assert page.text.count('id="selected"') == 1
    assert len(titles(page)) == 1
    assert 'href="/logs?status_code=404">Back to the list' in page.text


async def test_a_log_that_is_not_there_is_a_404_that_keeps_the_list(
    signed_in: httpx.AsyncClient, store: StoreLogs, now: datetime
) -> None:
    await store(stored_log("a", now, endpoint="GET /a"))

    page = await signed_in.get("/logs/nothing")

    assert page.status_code == 404
    assert "No such log" in page.text
    assert titles(page) == ["GET /a"]


async def test_older_pages_are_links_that_end_with_the_list(
    signed_in: httpx.AsyncClient, store: StoreLogs, now: datetime
) -> None:
    logs = [stored_log(f"{n:03}", now - n * timedelta(seconds=9)) for n in range(120)]
    await store(*logs)

    seen, address = 0, "/logs"
    pages = 0
    while address:
        page = await signed_in.get(address)
        seen += len(titles(page))
        pages += 1
        older = re.search(r'<a class="button" href="([^"]*)" rel="next"', page.text)
        address = unescape(older[1]) if older else ""

    assert (seen, pages) == (120, 3)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("status_code=4x&user=me", "a class such as 4xx"),
        ("created_at[after]=yesterday&user=me", "RFC 3339"),
        ("range=2h&user=me", "Choose a period"),
        ("colour=red&user=me", "colour is unknown"),
        ("cursor=zzz&user=me", "cursor is damaged"),
        ("status=BAD&user=me", "SUCCESS or FAILURE"),
    ],
)
async def test_a_filter_that_cannot_be_read_is_said_and_the_others_stay(
    signed_in: httpx.AsyncClient, query: str, says: str
) -> None:
    page = await signed_in.get(f"/logs?{query}")

    assert page.status_code == 400
    assert says in page.text
    assert 'name="user" value="me"' in page.text
    assert '<details class="panel" open' in page.text


async def test_an_empty_project_is_told_how_to_publish_its_first_event(
    signed_in: httpx.AsyncClient,
) -> None:
    page = await signed_in.get("/logs?range=all")

    assert "No logs yet" in page.text
    assert "DaybookMiddleware" in page.text
    assert "project_id=&#34;shop&#34;" in page.text


async def test_an_empty_answer_to_a_filter_offers_all_time(
    signed_in: httpx.AsyncClient, store: StoreLogs, now: datetime
) -> None:
    await store(stored_log("a", now - 30 * HOUR, user={"id": "me"}))

    page = await signed_in.get("/logs?user=me")
    link = re.search(r'href="([^"]*)">Search all time', page.text)
    assert link is not None
    further = await signed_in.get(unescape(link[1]))

    assert "Nothing matches" in page.text
    assert len(titles(further)) == 1


async def test_a_search_that_ran_out_of_time_says_how_far_it_got(
    signed_in: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    async def ran_out(*_: Any, **__: Any) -> Listed:
        return Listed((), Window(after=0), "CURSOR", to_ms(now))

    monkeypatch.setattr(Lists, "page", ran_out)

    page = await signed_in.get("/logs?channel=rare")

    assert "Searched back to" in page.text
    assert "2026-11-24T03:00:00.000Z" in page.text
    assert 'href="/logs?channel=rare&amp;cursor=CURSOR"' in page.text
    assert "Nothing matches" not in page.text


EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"


async def test_what_strangers_wrote_is_text_wherever_it_stands(
    signed_in: httpx.AsyncClient, store: StoreLogs, now: datetime
) -> None:
    message = {
        "headers": [[EVIL, EVIL]],
        "content_type": EVIL,
        "body": EVIL,
        "body_encoding": "utf-8",
    }
    await store(
        stored_log(
            EVIL,
            now,
            method=EVIL,
            endpoint=EVIL,
            url=f"javascript:{EVIL}",
            channel=EVIL,
            user={"id": EVIL, "email": EVIL},
            api_key={"id": EVIL, "name": EVIL, "kind": "server"},
            user_agent=EVIL,
            client_ip=EVIL,
            request=message,
            response=message,
            resource={"type": EVIL, "id": EVIL},
            task_id=EVIL,
            import_file_id=EVIL,
            source=EVIL,
            sequence=EVIL,
            traceparent=EVIL,
            event_time=EVIL,
            extra=EVIL,
        )
    )
    listed = await signed_in.get("/logs")
    href = re.search(r'<td class="what"><a href="([^"]*)"', listed.text)
    assert href is not None
    detail = await signed_in.get(unescape(href[1]))
    filtered = await signed_in.get("/logs", params={"user": EVIL, "channel": EVIL})
    wrong = await signed_in.get("/logs", params={"status_code": EVIL, EVIL: EVIL})

    for page in (listed, detail, filtered, wrong):
        assert "<script" not in page.text
        assert "<img" not in page.text
        assert not re.search(r'href="(?![/#])', page.text)
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["x-content-type-options"] == "nosniff"
    assert detail.text.count("&lt;script&gt;") > 15


async def test_another_projects_log_has_no_page(
    signed_in: httpx.AsyncClient, store: StoreLogs, now: datetime
) -> None:
    await store(stored_log("theirs", now, project_id="other", endpoint="GET /secret"))

    detail = await signed_in.get("/logs/theirs")
    listed = await signed_in.get("/logs?range=all")

    assert detail.status_code == 404
    assert "GET /secret" not in detail.text + listed.text


async def test_a_page_of_nothing_is_an_error_page(signed_in: httpx.AsyncClient) -> None:
    page = await signed_in.get("/nothing")

    assert page.status_code == 404
    assert "<h1>Not Found</h1>" in page.text
    assert page.headers["x-request-id"] in page.text


async def test_the_stylesheet_comes_from_the_service_itself(
    signed_in: httpx.AsyncClient,
) -> None:
    sheet = await signed_in.get("/static/daybook.css")

    assert sheet.status_code == 200
    assert sheet.headers["content-type"].startswith("text/css")


async def test_a_session_ends_with_its_key(
    signed_in: httpx.AsyncClient, database: AsyncDatabase[Document], time: Any
) -> None:
    keys = [key async for key in ControlPlane(database).keys("shop")]
    await ControlPlane(database).revoke_key(keys[0].id, time.now)

    time.pass_by(timedelta(seconds=11))
    page = await signed_in.get("/logs")

    assert (page.status_code, page.headers["location"]) == (
        303,
        "/sign-in?next=%2Flogs",
    )


async def test_a_session_ends_with_its_lifetime(
    signed_in: httpx.AsyncClient, time: Any
) -> None:
    time.pass_by(timedelta(days=7, seconds=1))
    page = await signed_in.get("/logs?user=a")

    assert page.headers["location"] == "/sign-in?next=%2Flogs%3Fuser%3Da"
