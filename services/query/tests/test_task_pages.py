"""The Background tasks pages, as the server makes them."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import httpx
import orjson
import pytest
from daybook.runtime.mongo import Document
from daybook.testing.stored_logs import stored_log
from daybook.testing.stored_tasks import (
    stored_failed_row,
    stored_task,
    stored_task_event,
)
from pymongo.asynchronous.database import AsyncDatabase

Store = Callable[..., Awaitable[None]]
MINUTE = timedelta(minutes=1)
EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"


def titles(page: httpx.Response) -> list[str]:
    cells = re.findall(r'<td class="what">.*?<bdi>(.*?)</bdi>', page.text, re.S)
    return [unescape(cell) for cell in cells]


def steps(page: httpx.Response) -> list[str]:
    found = re.findall(
        r'<strong>(.*?)</strong>|<li class="fold">(.*?)</li>|<h4>(.*?)</h4>', page.text
    )
    return ["".join(parts) for parts in found]


def link(page: httpx.Response, words: str) -> str:
    found = re.search(rf'href="([^"]*)"[^>]*>{re.escape(words)}', page.text)
    assert found is not None, page.text
    return unescape(found[1])


@pytest.fixture
def store_rows(database: AsyncDatabase[Document]) -> Store:
    async def store(*rows: Document) -> None:
        await database["task_failed_rows"].insert_many(list(rows))

    return store


@pytest.fixture
def store_events(database: AsyncDatabase[Document]) -> Store:
    async def store(*events: Document) -> None:
        await database["task_events"].insert_many(list(events))

    return store


async def test_the_list_has_no_window_and_says_how_each_task_is_doing(
    signed_in: httpx.AsyncClient, store_tasks: Store, now: datetime
) -> None:
    counted = {"total": 1000, "done_count": 300, "failed_count": 12, "progress": 31}
    running = {"status": "IN_PROGRESS", **counted}
    await store_tasks(
        stored_task("a", now, status="ENQUEUED", task_type="A"),
        stored_task("b", now - MINUTE, task_type="B", **running),
        stored_task("c", now - 2 * MINUTE, task_type="C", stalled=True, **running),
        stored_task("d", now - 3 * MINUTE, status="FAILED", task_type="D"),
        stored_task("e", now - timedelta(days=4000), task_type="E", user={"id": "u1"}),
    )

    page = await signed_in.get("/tasks")
    states = re.findall(r'<td class="state">.*?class="word">(.*?)<', page.text, re.S)

    assert page.status_code == 200
    assert titles(page) == ["A", "B", "C", "D", "E"]
    assert states == ["Enqueued", "In progress", "Stalled", "Failed", "Done"]
    assert page.text.count("300 of 1,000 done") == 2
    assert page.text.count("12 failed") == 2
    assert 'aria-valuenow="31"' in page.text
    assert "1 min 0 s" in page.text  # what runs has taken so long
    assert "u1" in page.text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("type=B", ["B"]),
        ("status=IN_PROGRESS", ["B", "C"]),
        ("stalled=true", ["C"]),
        ("operation_status=FAILED", ["D"]),
        ("user=mira@shop.example", ["A"]),
        ("request_id=req-d", ["D"]),
        ("progress[gte]=30&progress[lte]=50", ["B"]),
        ("created_at[before]=2026-11-24T02:58:00Z", ["D"]),
        ("status=DONE&status=FAILED&type=", ["D"]),
    ],
)
async def test_each_filter_is_a_parameter_of_the_address(
    signed_in: httpx.AsyncClient,
    store_tasks: Store,
    now: datetime,
    query: str,
    found: list[str],
) -> None:
    user = {"id": "u1", "email": "mira@shop.example"}
    running = {"status": "IN_PROGRESS"}
    await store_tasks(
        stored_task("a", now, status="ENQUEUED", task_type="A", user=user),
        stored_task("b", now - MINUTE, task_type="B", progress=50, **running),
        stored_task(
            "c", now - 2 * MINUTE, task_type="C", stalled=True, progress=51, **running
        ),
        stored_task("d", now - 3 * MINUTE, status="FAILED", task_type="D"),
    )

    page = await signed_in.get(f"/tasks?{query}")

    assert titles(page) == found


async def test_filters_are_chips_in_words_and_a_state_is_a_link(
    signed_in: httpx.AsyncClient, store_tasks: Store, now: datetime
) -> None:
    await store_tasks(stored_task("a", now, task_type="A"))

    page = await signed_in.get("/tasks?status=IN_PROGRESS&type=A&cursor=")
    chips = re.findall(r'<bdi class="value">(.*?)</bdi>', page.text)
    removed = re.findall(r'<a href="([^"]*)" title="Remove this filter"', page.text)

    assert chips == ["In progress", "A"]
    assert [unescape(href) for href in removed] == [
        "/tasks?type=A",
        "/tasks?status=IN_PROGRESS",
    ]
    assert link(page, "Stalled") == "/tasks?type=A&stalled=true"
    assert link(page, "All") == "/tasks?type=A"
    assert link(page, "Clear") == "/tasks"
    assert 'aria-current="true">In progress' in page.text


async def test_older_pages_are_links_that_end_with_the_list(
    signed_in: httpx.AsyncClient, store_tasks: Store, now: datetime
) -> None:
    await store_tasks(*(stored_task(f"{n:03}", now - n * MINUTE) for n in range(120)))

    first = await signed_in.get("/tasks?type=VOUCHERS.IMPORT")
    second = await signed_in.get(link(first, "Older"))
    third = await signed_in.get(link(second, "Older"))

    assert [len(titles(page)) for page in (first, second, third)] == [50, 50, 20]
    assert link(third, "Newest") == "/tasks?type=VOUCHERS.IMPORT"
    assert ">Older<" not in third.text


async def test_an_empty_project_is_told_how_to_publish_its_first_task(
    signed_in: httpx.AsyncClient,
) -> None:
    page = await signed_in.get("/tasks")

    assert "No background tasks yet" in page.text
    assert "client.task(&#34;VOUCHERS.IMPORT&#34;, total=n)" in page.text
    assert "daybook.task.enqueued.v1" in page.text


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("progress[gte]=x&user=me", "a whole number from 0 to 100"),
        ("progress[gte]=9&progress[lte]=8&user=me", "must be at most"),
        ("stalled=maybe&user=me", "true or false"),
        ("colour=red&user=me", "colour is unknown"),
        ("cursor=zzz&user=me", "cursor is damaged"),
    ],
)
async def test_a_filter_that_cannot_be_read_is_said_and_the_others_stay(
    signed_in: httpx.AsyncClient, query: str, says: str
) -> None:
    page = await signed_in.get(f"/tasks?{query}")

    assert page.status_code == 400
    assert says in page.text
    assert 'name="user" value="me"' in page.text


async def test_a_detail_has_its_own_address_and_keeps_list_and_filters(
    signed_in: httpx.AsyncClient, store_tasks: Store, now: datetime
) -> None:
    odd = "live/a?b\n#c"
    user = {"id": "u1", "email": "mira@shop.example"}
    await store_tasks(
        stored_task(odd, now, user=user, message="All is well", heartbeat_s=30),
        stored_task("other", now, task_type="OTHER"),
    )
    listed = await signed_in.get("/tasks?type=VOUCHERS.IMPORT")
    href = re.search(r'<td class="what"><a href="([^"]*)"', listed.text)
    assert href is not None

    page = await signed_in.get(unescape(href[1]))

    assert unescape(href[1]) == (
        "/tasks/live%2Fa%3Fb%0A%23c?type=VOUCHERS.IMPORT#selected"
    )
    assert page.status_code == 200
    assert page.text.count('id="selected"') == 1
    assert titles(page) == ["VOUCHERS.IMPORT"]
    assert link(page, "Back to the list") == "/tasks?type=VOUCHERS.IMPORT"
    assert "All is well" in page.text
    assert "every 30 s" in page.text
    assert 'href="/tasks?user=mira%40shop.example"' in page.text
    assert 'href="/tasks?request_id=req-live%2Fa%3Fb%0A%23c"' in page.text


async def test_a_task_that_is_not_there_is_a_404_that_keeps_the_list(
    signed_in: httpx.AsyncClient, store_tasks: Store, now: datetime
) -> None:
    await store_tasks(
        stored_task("a", now, task_type="A"),
        stored_task("theirs", now, project_id="other", task_type="SECRET"),
    )

    page = await signed_in.get("/tasks/theirs")

    assert page.status_code == 404
    assert "No such task" in page.text
    assert titles(page) == ["A"]


async def test_the_history_is_told_run_by_run_with_progress_folded(
    signed_in: httpx.AsyncClient,
    store_tasks: Store,
    store_events: Store,
    now: datetime,
) -> None:
    task = stored_task("a", now, updated_at=now + timedelta(hours=3), run=2)
    number = iter(range(10_000))

    def event(kind: str, seconds: float, **fields: Any) -> Document:
        at = now + timedelta(seconds=seconds)
        return stored_task_event(task, f"e{next(number):05}", kind, at, **fields)

    await store_tasks(task)
    await store_events(
        event("started", 2, run=1),
        event("enqueued", 2, run=1, total=9000),
        *(event("progressed", 10 + n, run=1, done_count=n) for n in range(9)),
        event("finished", 30, run=1, outcome="FAILED", result={"message": "Lost it"}),
        event("enqueued", 40, run=2),
        *(event("progressed", 50 + n, run=2) for n in range(2)),
        event("finished", 200, run=2, outcome="DONE", operation_status="SUCCESS"),
    )

    page = await signed_in.get("/tasks/a")

    assert steps(page) == [
        "Run 1",
        "Enqueued",
        "Started",
        "Progressed",
        "7 more events",
        "Progressed",
        "Finished: failed",
        "Run 2",
        "Enqueued",
        "Progressed",
        "Progressed",
        "Finished: done, operation success",
    ]
    assert "Lost it" in page.text
    assert "after 8.00 s" in page.text
    assert "after 2 min 29 s" in page.text
    assert "9,000 in all" in page.text


async def test_a_very_long_history_is_told_by_both_its_ends(
    signed_in: httpx.AsyncClient,
    store_tasks: Store,
    store_events: Store,
    now: datetime,
) -> None:
    task = stored_task("a", now, updated_at=now + timedelta(hours=2))
    beats = [
        stored_task_event(task, f"e{n:05}", "progressed", now + timedelta(seconds=n))
        for n in range(1, 2000)
    ]
    await store_tasks(task)
    await store_events(
        stored_task_event(task, "first", "enqueued", now),
        *beats,
        stored_task_event(
            task, "last", "finished", now + timedelta(hours=1), outcome="DONE"
        ),
    )

    page = await signed_in.get("/tasks/a")

    assert steps(page) == [
        "Enqueued",
        "Progressed",
        "1,997 more events",
        "Progressed",
        "Finished: done",
    ]


async def test_failed_rows_are_filtered_and_downloaded(
    signed_in: httpx.AsyncClient,
    store_tasks: Store,
    store_rows: Store,
    now: datetime,
) -> None:
    task = stored_task("a/b", now, failed_count=1500)
    await store_tasks(task)
    await store_rows(
        *(
            stored_failed_row(
                task, str(n), row=n, code=f"C-{n}", reason="Odd" if n % 2 else "Even"
            )
            for n in range(1, 1001)
        )
    )

    page = await signed_in.get("/tasks/a%2Fb?type=VOUCHERS.IMPORT")
    found = await signed_in.get("/tasks/a%2Fb?type=VOUCHERS.IMPORT&q=c-77")
    file = await signed_in.get(link(found, "Download CSV"))
    whole = await signed_in.get(link(page, "Download CSV"))

    assert "1,500 failed" in page.text
    assert "500 more are not shown" in page.text
    assert page.text.count('<td class="code">') == 1000
    assert '<input type="hidden" name="type" value="VOUCHERS.IMPORT">' in page.text
    assert "11 of 1,000 hold" in found.text
    assert found.text.count('<td class="code">') == 11
    assert link(found, "Show all") == "/tasks/a%2Fb?type=VOUCHERS.IMPORT"
    assert file.text.startswith("row,code,source_id,reason\r\n77,C-77,,Odd\r\n")
    assert len(file.text.splitlines()) == 12
    assert len(whole.text.splitlines()) == 1001
    assert "attachment" in file.headers["content-disposition"]


async def test_failed_rows_of_another_project_are_no_file(
    signed_in: httpx.AsyncClient, store_tasks: Store, now: datetime
) -> None:
    await store_tasks(stored_task("theirs", now, project_id="other", failed_count=1))

    answer = await signed_in.get("/failed-rows.csv?task=theirs")

    assert answer.status_code == 404


async def test_a_task_leads_to_the_log_that_caused_it_and_back(
    signed_in: httpx.AsyncClient, store: Store, store_tasks: Store, now: datetime
) -> None:
    await store(
        stored_log("named", now, task_id="by-log"),
        stored_log("silent", now, request_id="r-1"),
        stored_log("alone", now, request_id="r-2"),
    )
    await store_tasks(
        stored_task("by-log", now, log_id="named"),
        stored_task("by-request", now + MINUTE, request_id="r-1"),
    )

    by_log = await signed_in.get("/tasks/by-log")
    by_request = await signed_in.get("/tasks/by-request")
    named = await signed_in.get("/logs/named")
    silent = await signed_in.get("/logs/silent")
    alone = await signed_in.get("/logs/alone")

    assert link(by_log, "Show the log that caused it") == "/logs/named"
    assert link(by_request, "Show the request that caused it") == "/logs?request_id=r-1"
    assert link(named, "Show the background task") == "/tasks/by-log"
    assert link(silent, "Show its background tasks") == "/tasks?request_id=r-1"
    assert 'href="/tasks?' not in alone.text


async def test_what_strangers_wrote_is_text_wherever_it_stands(
    signed_in: httpx.AsyncClient,
    store_tasks: Store,
    store_rows: Store,
    store_events: Store,
    now: datetime,
) -> None:
    task = stored_task(
        EVIL,
        now,
        status="FAILED",
        task_type=EVIL,
        message=EVIL,
        user={"id": EVIL, "email": EVIL},
        request_id=EVIL,
        log_id=EVIL,
        import_file_id=EVIL,
        failed_count=1,
    )
    await store_tasks(task)
    await store_rows(
        stored_failed_row(task, "1", code=EVIL, source_id=EVIL, reason=EVIL)
    )
    finish = {"outcome": "FAILED", "result": {"message": EVIL}}
    await store_events(stored_task_event(task, EVIL, "finished", now, **finish))

    listed = await signed_in.get("/tasks")
    href = re.search(r'<td class="what"><a href="([^"]*)"', listed.text)
    assert href is not None
    detail = await signed_in.get(unescape(href[1]))
    found = await signed_in.get(
        unescape(href[1]).partition("#")[0], params={"q": EVIL, "type": EVIL}
    )

    ours = '<script type="module" src="/static/live.js"></script>'
    for page in (listed, detail, found):
        assert page.status_code == 200
        assert page.text.count("<script") == page.text.count(ours) == 1
        assert "<img" not in page.text
        assert not re.search(r'href="(?![/#])', page.text)
        policy = page.headers["content-security-policy"]
        assert "script-src 'self'; connect-src 'self'" in policy
        assert "unsafe" not in policy
    assert detail.text.count("&lt;script&gt;") > 12


async def test_a_live_page_gets_what_changes_until_all_have_finished(
    signed_in: httpx.AsyncClient,
    store_tasks: Store,
    database: AsyncDatabase[Document],
    now: datetime,
) -> None:
    running = {"status": "IN_PROGRESS", "total": 10}
    await store_tasks(
        stored_task("a", now, done_count=1, progress=10, **running),
        stored_task("b", now),
        stored_task("theirs", now, project_id="other", **running),
    )

    async def finish() -> None:
        change = {"status": "DONE", "done_count": 10, "progress": 100}
        await database["tasks"].update_one({"_id": "shop/a"}, {"$set": change})

    stream, _ = await asyncio.gather(
        signed_in.get("/live/tasks?id=a&id=b&id=theirs&id=none"), finish()
    )
    events = re.findall(r"event: (\w+)\ndata: (.*)\n\n", stream.text)
    last = {shape["id"]: shape for _, data in events if (shape := orjson.loads(data))}

    assert stream.headers["content-type"].startswith("text/event-stream")
    assert set(last) == {"a", "b"}
    assert (last["a"]["word"], last["a"]["counts"]) == ("Done", "10 of 10 done")
    assert (last["a"]["percent"], last["a"]["finished"]) == (100, True)
    assert events[-1][0] == "end"


@pytest.mark.parametrize("ids", [0, 52])
async def test_a_live_page_names_as_many_tasks_as_a_page_shows(
    signed_in: httpx.AsyncClient, ids: int
) -> None:
    query = "&".join(f"id={n}" for n in range(ids))

    answer = await signed_in.get(f"/live/tasks?{query}")

    assert answer.status_code == 400


async def test_nothing_of_a_task_is_shown_to_who_is_not_signed_in(
    anyone: httpx.AsyncClient, store_tasks: Store, now: datetime
) -> None:
    await store_tasks(stored_task("a", now))

    page = await anyone.get("/tasks/a?q=x")
    file = await anyone.get("/failed-rows.csv?task=a")
    live = await anyone.get("/live/tasks?id=a")

    assert page.headers["location"] == "/sign-in?next=%2Ftasks%2Fa%3Fq%3Dx"
    assert file.status_code == 303
    assert live.status_code == 401
